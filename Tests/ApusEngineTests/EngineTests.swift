import ApusBase
import Foundation
import Testing

@testable import ApusEngine

@Suite("Opening the engine")
struct EngineOpeningTests {
    private let hint =
        "run `scripts/build-engine`; planning, simulating and auditing work without an engine"

    @Test("a library of another ABI is refused with both versions")
    func refusesOtherVersions() throws {
        let error = try #require(throws: EngineError.self) {
            try Engine.checkInterface(
                path: ".deps/engine/libapus_engine.so", version: 3, size: 1)
        }
        #expect(
            error.diagnostic.description == """
                error: engine `.deps/engine/libapus_engine.so` has ABI 3, this `apus` needs 2\
                  [engine-abi]
                  hint: \(hint)
                """)
    }

    @Test("a table of another size is refused")
    func refusesOtherSizes() throws {
        let error = try #require(throws: EngineError.self) {
            try Engine.checkInterface(path: "x.so", version: 2, size: 8)
        }
        #expect(error.code == .engineABI)
        #expect(error.message.hasPrefix("engine `x.so` has a table of 8 bytes, this `apus` needs "))
    }

    @Test("a path that leads nowhere is named")
    func namesMissingLibrary() throws {
        let error = try #require(throws: EngineError.self) {
            _ = try Engine.open(at: "/nowhere/libapus_engine.so")
        }
        #expect(
            error.diagnostic.description == """
                error: engine `/nowhere/libapus_engine.so` cannot be opened: \
                /nowhere/libapus_engine.so: cannot open shared object file: \
                No such file or directory  [engine-missing]
                  hint: \(hint)
                """)
    }

    @Test("a library that is no engine is refused")
    func refusesOtherLibraries() throws {
        let error = try #require(throws: EngineError.self) {
            _ = try Engine.open(at: "libm.so.6")
        }
        #expect(
            error.message == "`libm.so.6` is no engine: it does not export `apus_engine_get`")
    }

    @Test("a named path comes before the environment, and both before the search")
    func searchesInOrder() {
        let environment = ["APUS_ENGINE": "/from/environment"]
        #expect(Engine.locate(explicit: "/named", environment: environment) == "/named")
        #expect(Engine.locate(environment: environment) == "/from/environment")
        #expect(Engine.locate(environment: ["APUS_ENGINE": ""]) != "")
    }
}

@Suite("An engine that is named")
struct NamedEngineTests {
    /// Without this, a run of all tests could pass while every test of the engine is left out.
    @Test("by `APUS_ENGINE` opens")
    func opens() throws {
        guard let path = ProcessInfo.processInfo.environment["APUS_ENGINE"], !path.isEmpty else {
            return
        }
        _ = try Engine.open(at: path)
    }
}

@Suite("Building the engine", .timeLimit(.minutes(1)))
struct EngineBuildTests {
    @Test("what is missing is said, with the way to get it")
    func namesWhatIsMissing() throws {
        let (status, text) = try build(["APUS_LIBTORCH": "/nowhere"])
        #expect(status == 2)
        #expect(
            text == """
                error: no libtorch found in `/nowhere`  [engine-build]
                  hint: `make build` fetches one; or let `APUS_LIBTORCH` name yours, with include/ \
                and lib/

                """)
    }

    private func build(_ environment: [String: String]) throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(
            fileURLWithPath: EngineUnderTest.checkout + "/scripts/build-engine")
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let text = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }
}

@Suite("The opened engine", .enabled(if: EngineUnderTest.isAvailable))
struct EngineTests {
    @Test("it says what it is")
    func describesItself() throws {
        let engine = try EngineUnderTest.open()
        #expect(engine.abiVersion == 2)
        #expect(engine.libraryVersion.split(separator: ".").count >= 2)
        #expect(engine.hasCUDA || engine.deviceCount == 0)
    }

    @Test("a device that is not there is refused in one line")
    func refusesMissingDevice() throws {
        let path = try #require(EngineUnderTest.path)
        let error = try #require(throws: EngineError.self) {
            _ = try Engine.open(at: path, device: .cuda(97))
        }
        #expect(!error.message.isEmpty && !error.message.contains("\n"))
    }

    @Test("a failed operation is shown with its name and the library's reason")
    func describesFailures() throws {
        let engine = try EngineUnderTest.open()
        let error = try #require(throws: EngineError.self) {
            _ = try engine.zeros([6, 4]).linear(try engine.zeros([3, 5]))
        }
        #expect(
            error.diagnostic.description
                == "error: engine: linear: rows of [6, 4] do not fit a weight of [3, 5]  [engine]")
    }

    @Test("a thread count outside 1 to 4096 is refused", arguments: [0, -1, 5000])
    func refusesThreadCounts(count: Int) throws {
        let engine = try EngineUnderTest.open()
        let error = try #require(throws: EngineError.self) { try engine.setThreadCount(count) }
        #expect(
            error.description
                == "set threads: thread count \(count) is not from 1 to 4096")
    }

    @Test("gradient recording is restored, also after an error")
    func restoresRecording() throws {
        let engine = try EngineUnderTest.open()
        let records: () throws -> Bool = {
            let leaf = try engine.zeros([1]).detached(requiresGradient: true)
            let sum = try leaf.plus(leaf)
            return (try? sum.setGradient(try engine.zeros([1]))) == nil
                && (try? Graph(
                    engine, outputs: engine.list(sum), inputs: engine.list(leaf)
                ).backward(outputGradients: engine.list(try engine.zeros([1])))) != nil
        }
        try engine.recordingGradients(false) {
            #expect(throws: EngineError.self) {
                try engine.recordingGradients(true) { () throws(EngineError) in
                    _ = try engine.zeros([-1])
                }
            }
            let leaf = try engine.tensor([1] as [Float], shape: [1])
                .detached(requiresGradient: true)
            let sum = try leaf.plus(leaf)
            // Without recording the sum is a plain leaf, from which no gradient flows.
            let graph = try Graph(
                engine, outputs: try engine.list(sum), inputs: try engine.list(leaf))
            let one = try engine.tensor([1] as [Float], shape: [1])
            let gradient = try graph.backward(outputGradients: try engine.list(one))
            #expect(try gradient[0].floats() == [0])
        }
        #expect(try records())
    }

    @Test("tensor bytes are counted exactly and return to their start")
    func countsMemory() async {
        // In a process of its own, since other tests hold tensors at the same time.
        await #expect(processExitsWith: .success) {
            let engine = try EngineUnderTest.open()
            let before = engine.memory().current
            engine.resetPeak()
            do {
                let first = try engine.zeros([1000])
                #expect(engine.memory().current == before + 4000)
                let second = try first.clone()
                let third = try second.alias()
                #expect(engine.memory().current == before + 8000)
                #expect(third.elementCount == 1000)
            }
            #expect(engine.memory().current == before)
            #expect(engine.memory().peak == before + 8000)
            engine.resetPeak()
            #expect(engine.memory().peak == before)
            let inputs = [Numbers(seed: 1, [4, 8]), Numbers(seed: 2, [6, 8])]
            _ = try engine.evaluate(inputs, .float32) { list throws(EngineError) in
                try list[0].linear(list[1])
            }
            #expect(engine.memory().current == before)
        }
    }
}
