import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram
import Testing

@testable import ApusRuntime

@Suite(
    "Planned sizes of slots", .enabled(if: LayoutEquivalenceTests.hasEngine), .serialized,
    .timeLimit(.minutes(1)))
struct PlannedMemoryTests {
    static let model = Model(
        layerCount: 1, hiddenSize: 128, headCount: 8, keyValueHeadCount: 4, headDim: 16,
        expertCount: 4, topK: 2, expertHiddenSize: 256, vocabularySize: 2048,
        tiesEmbeddings: false)

    /// Planned and held bytes after each instruction.
    ///
    /// A value that passes from an island into the state of the next is planned in both slots while
    /// both live, so the plan may be above what is held between two islands, and not below. The
    /// engine counts the tensors of the whole process, so each case has a process of its own.
    @Test("are what islands hold, within 1 % once a layer is done", arguments: [64, 256])
    func holds(length: Int) async {
        await #expect(processExitsWith: .success) { [length] in
            try PlannedMemoryTests().compare(length: length)
        }
    }

    private func compare(length: Int) throws {
        let engine = try #require(try LocalJob.engine())
        let program = try compile(
            model: Self.model, plan: Plan(degrees: Degrees(), buckets: []),
            shape: StepShape(sequenceLength: length, sequencesPerMicroBatch: 2, microBatches: 1))
        let meeting = Communicators.Meeting(
            store: try Store.inProcess(engine), host: "127.0.0.1", timeoutSeconds: 30)
        let runtime = try Runtime(
            RankSetting(
                rank: Rank(0), model: Self.model, program: program,
                settings: RunSettings(sequenceLength: length)),
            engine: engine, meeting: meeting)
        let tokens = [Int64](repeating: 7, count: 2 * length)
        let (slots, base) = (program.classes[0].slots, engine.memory().current)
        var live: Set<Slot> = []
        var (planned, peak, heldPeak) = (0, 0, 0)
        let head = try #require(program.classes[0].instructions.firstIndex { $0.isHead })
        for (index, instruction) in program.classes[0].instructions.enumerated() {
            try runtime.perform(instruction, step: 0) { _ in
                TokenBatch(inputs: tokens, targets: tokens)
            }
            if case .free(let slot) = instruction { live.remove(slot) }
            if case .free = instruction {} else { live.formUnion(instruction.written) }
            planned = live.reduce(0) { $0 + slots[$1.index].size.count }
            let held = engine.memory().current - base
            #expect(Double(planned) >= 0.99 * Double(held), "\(instruction)")
            (peak, heldPeak) = (max(peak, planned), max(heldPeak, held))
            // The layer's states and the head's input are all that lives before the head.
            guard index == head - 1 else { continue }
            #expect(abs(Double(planned) / Double(held) - 1) < 0.01)
        }
        #expect(planned == 0)
        #expect(abs(Double(peak) / Double(heldPeak) - 1) < 0.05)
        #expect(peak == program.classes[0].memoryPeak.size.count)
    }
}

extension Instruction {
    fileprivate var isHead: Bool {
        if case .forward(let run) = self { run.island == .head } else { false }
    }
}
