import ApusBase
import CApusEngine
import Glibc

/// The opened tensor library: the one way from Apus to libtorch and c10d.
///
/// It is opened once and never closed, so whatever holds it may outlive every other object. Several
/// ranks may use one engine from threads of their own; gradient recording belongs to a thread.
package final class Engine: Sendable {
    package let path: String
    /// Where this engine makes tensors.
    package let device: Device
    /// The library's function table.
    ///
    /// Unsafe only to the compiler: it is constant and lives as long as the process.
    nonisolated(unsafe) let table: UnsafePointer<apus_engine>
    /// How a process ends in which a thread of the library threw, after it said so on stderr
    /// (`engine-crash`).
    package static let crashStatus: Int32 = 86

    private init(path: String, device: Device, table: UnsafePointer<apus_engine>) {
        self.path = path
        self.device = device
        self.table = table
    }

    /// Opens the library at `path`, which must have been built for this version of Apus.
    package static func open(at path: String, device: Device = .cpu) throws(EngineError) -> Engine {
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            let reason = dlerror().map { String(cString: $0) } ?? "no reason given"
            throw EngineError(
                "open", "engine `\(path)` cannot be opened: \(reason)", code: .engineMissing,
                hint: rebuildHint)
        }
        guard let symbol = dlsym(library, "apus_engine_get") else {
            throw EngineError(
                "open", "`\(path)` is no engine: it does not export `apus_engine_get`",
                code: .engineMissing, hint: rebuildHint)
        }
        typealias Getter = @convention(c) () -> UnsafePointer<apus_engine>
        let table = unsafeBitCast(symbol, to: Getter.self)()
        try checkInterface(
            path: path, version: table.pointee.abi_version, size: table.pointee.struct_size)
        let engine = Engine(path: path, device: device, table: table)
        try engine.call("open device") { table.pointee.device_open(device.number, $0) }
        return engine
    }

    /// Refuses a library whose table is not the one this code was compiled for.
    static func checkInterface(path: String, version: Int32, size: Int32) throws(EngineError) {
        let expected = APUS_ENGINE_ABI
        guard version == expected else {
            throw EngineError(
                "open", "engine `\(path)` has ABI \(version), this `apus` needs \(expected)",
                code: .engineABI, hint: rebuildHint)
        }
        let expectedSize = MemoryLayout<apus_engine>.size
        guard size == expectedSize else {
            throw EngineError(
                "open",
                "engine `\(path)` has a table of \(size) bytes, this `apus` needs \(expectedSize)",
                code: .engineABI, hint: rebuildHint)
        }
    }

    private static let rebuildHint =
        "run `scripts/build-engine`; planning, simulating and auditing work without an engine"
}

extension Engine {
    /// The version of PyTorch that the engine was built on.
    package var libraryVersion: String {
        table.pointee.library_version().map { String(cString: $0) } ?? "unknown"
    }
    package var abiVersion: Int { Int(table.pointee.abi_version) }
    package var hasCUDA: Bool { table.pointee.cuda_exists() != 0 }
    /// The number of GPUs, 0 for an engine without CUDA.
    package var deviceCount: Int { Int(table.pointee.device_count()) }

    /// Sets how many threads of this process work on one operation.
    package func setThreadCount(_ count: Int) throws(EngineError) {
        try call("set threads") { table.pointee.threads_set(Int64(count), $0) }
    }

    /// The bytes that tensors of this process hold now, and the most since the last reset.
    package func memory() -> (current: Int, peak: Int) {
        var current: Int64 = 0
        var peak: Int64 = 0
        let read: Void? = try? call("read memory") {
            table.pointee.memory_read(device.number, &current, &peak, $0)
        }
        precondition(read != nil, "the device of an opened engine has memory")
        return (Int(current), Int(peak))
    }

    /// Starts counting the peak anew from the bytes held now.
    package func resetPeak() {
        let reset: Void? = try? call("reset peak") {
            table.pointee.memory_reset_peak(device.number, $0)
        }
        precondition(reset != nil, "the device of an opened engine has memory")
    }

    /// Runs `body` with gradient recording on or off on this thread, then restores what it was.
    package func recordingGradients<Result: ~Copyable, Failure>(
        _ records: Bool, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let before = setRecording(records)
        defer { _ = setRecording(before) }
        return try body()
    }

    /// Sets the mode of this thread and returns what it was.
    private func setRecording(_ records: Bool) -> Bool {
        var before: Int32 = 0
        let set: Void? = try? call("record gradients") {
            table.pointee.gradients_record(records ? 1 : 0, &before, $0)
        }
        precondition(set != nil, "a thread's mode can always be set")
        return before != 0
    }
}

extension Engine {
    typealias Failure = UnsafeMutablePointer<OpaquePointer?>

    /// Calls the table once; a failure becomes an error that names the operation.
    func call(_ operation: String, _ body: (Failure) -> apus_status) throws(EngineError) {
        var failure: OpaquePointer?
        guard body(&failure) != 0 else { return }
        guard let failure else { throw EngineError(operation, "failed without a reason") }
        let message = table.pointee.error_message(failure).map { String(cString: $0) }
        table.pointee.error_destroy(failure)
        throw EngineError(operation, message ?? "failed without a reason")
    }

    /// Calls the table for a handle, which the caller then owns.
    func handle(
        _ operation: String,
        _ body: (UnsafeMutablePointer<OpaquePointer?>, Failure) -> apus_status
    ) throws(EngineError) -> OpaquePointer {
        var result: OpaquePointer?
        try call(operation) { body(&result, $0) }
        guard let result else { throw EngineError(operation, "gave no result") }
        return result
    }

    /// Calls the table for a tensor.
    func tensor(
        _ operation: String,
        _ body: (UnsafeMutablePointer<OpaquePointer?>, Failure) -> apus_status
    ) throws(EngineError) -> Tensor {
        Tensor(owning: try handle(operation, body), engine: self)
    }
}
