import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@testable import ApusProgram
@testable import ApusTrace

/// Traces of the small program that a test makes up.
struct MadeTrace {
    let program: Program
    private(set) var trace: Trace

    /// Each instruction takes what `time` says, one after the other.
    init(
        _ source: Trace.Source = .prediction, steps: ClosedRange<Int> = 1...1,
        time: (Int, Instruction, Rank) -> Double
    ) throws {
        let plan = Plan.small(pipeline: 2, data: 2, expert: 2)
        let shape = StepShape(bucket: plan.buckets[0], length: 16, precision: .fp32)
        program = try compile(model: .small(), plan: plan, shape: shape)
        trace = Trace(
            source: source, subject: .init(deployment: "small.yaml", program: program),
            queues: program.queueNames, ranks: [])
        for index in 0..<program.mesh.worldSize {
            let rank = Rank(index)
            let own = program.programClass(of: rank)
            var result = RankTrace(rank: rank, stage: own.stage, persistent: Bytes(1000))
            var now = 0.0
            for step in steps {
                for (place, instruction) in own.instructions.enumerated() {
                    let duration = time(step, instruction, rank)
                    result.events.append(
                        TraceEvent(
                            step: step, instruction: place, start: now, end: now + duration,
                            held: place))
                    if case .start(let transfer) = instruction {
                        let queue = trace.queues.firstIndex(of: transfer.queue.name) ?? 0
                        result.transfers.append(
                            TraceTransfer(
                                step: step, instruction: place, queue: queue, begin: now,
                                end: now + 1, planned: transfer.size.count,
                                actual: transfer.size.count))
                    }
                    now += duration
                }
            }
            trace.ranks.append(result)
        }
    }
}

@Suite("Comparison of traces")
struct ComparisonTests {
    private static func even(_: Int, _ instruction: Instruction, _: Rank) -> Double {
        InstructionKind.isComputation(instruction) ? 2 : 0.5
    }

    @Test("a trace read back is the same, and differs from itself in nothing")
    func readsBack() throws {
        let made = try MadeTrace(time: Self.even)
        let (trace, program) = (made.trace, made.program)
        let read = try Trace(bytes: Array(trace.text.utf8), file: "run.trace")
        #expect(read == trace)
        let chrome = ChromeTrace([trace], program: program).text  // for Perfetto
        let same = try TraceComparison(predicted: trace, measured: read, program: program)
        #expect(same.rows.allSatisfy { $0.difference == .zero })
        #expect(chrome.contains("traceEvents"))
    }

    @Test("a trace beside itself differs in nothing")
    func isZeroWithItself() throws {
        let made = try MadeTrace(time: Self.even)
        let comparison = try TraceComparison(
            predicted: made.trace, measured: made.trace, program: made.program)
        #expect(comparison.rows.count > 10)
        #expect(comparison.rows.allSatisfy { $0.difference == .zero })
        #expect(comparison.rows.allSatisfy { $0.explanation == "as predicted" })
        #expect(comparison.entries.allSatisfy { $0.predicted == $0.measured })
        #expect(comparison.predictedStepTime == comparison.measuredStepTime)
        #expect(comparison.memory.allSatisfy { $0.predicted == $0.measured })
        #expect(comparison.sent.allSatisfy { $0.planned == $0.actual && $0.planned > .zero })
    }

    @Test("the kind that differs most comes first, with what it adds up to")
    func findsDifference() throws {
        let predicted = try MadeTrace(time: Self.even)
        let measured = try MadeTrace(.measurement, steps: 4...6) { step, instruction, rank in
            let name = InstructionKind.name(of: instruction)
            guard name == "forward experts" else { return Self.even(step, instruction, rank) }
            // One step in three was disturbed; the median does not show it.
            return step == 5 ? 100 : 3
        }
        let comparison = try TraceComparison(
            predicted: predicted.trace, measured: measured.trace, program: predicted.program)
        let first = try #require(comparison.rows.first)
        #expect(first.kind == "forward experts")
        // 2 layers on a stage and 4 micro-batches.
        #expect(first.count == 8)
        #expect(first.predicted.count == 16)
        #expect(first.measured.count == 24)
        #expect(
            first.explanation
                == "1.50 times the prediction; all are of one size, so rate and latency cannot be "
                + "told apart")
        #expect(comparison.rows.dropFirst().allSatisfy { $0.difference == .zero })
        #expect(comparison.stepCount == 3)
        #expect(comparison.entries.allSatisfy { $0.text.contains(" experts/") })
    }

    @Test(
        "one ratio over sizes is a rate, one difference a latency",
        arguments: [(3.0, 0.0, "the rate is off"), (1.0, 0.7, "the latency is off")])
    func tellsRateFromLatency(factor: Double, more: Double, cause: String) throws {
        func size(_ instruction: Instruction) -> Double? {
            guard case .forward(let run) = instruction, case .experts(let layer) = run.island
            else { return nil }
            return Double(layer + 1)
        }
        let predicted = try MadeTrace { step, instruction, rank in
            size(instruction) ?? Self.even(step, instruction, rank)
        }
        let measured = try MadeTrace(.measurement) { step, instruction, rank in
            size(instruction).map { factor * $0 + more } ?? Self.even(step, instruction, rank)
        }
        let comparison = try TraceComparison(
            predicted: predicted.trace, measured: measured.trace, program: predicted.program)
        let first = try #require(comparison.rows.first)
        #expect(first.kind == "forward experts")
        #expect(first.explanation.hasSuffix(cause), "\(first.explanation)")
    }

    @Test("a wait for a rank that comes late is told from a slow transfer")
    func tellsWaitingFromWire() throws {
        let predicted = try MadeTrace(time: Self.even)
        var late = try MadeTrace(.measurement, time: Self.even).trace
        // Rank 0 starts everything 3 s later; the others wait that much longer for it.
        for index in late.ranks[0].events.indices { late.ranks[0].events[index].start += 3 }
        for index in late.ranks[0].events.indices { late.ranks[0].events[index].end += 3 }
        for index in late.ranks[0].transfers.indices { late.ranks[0].transfers[index].begin += 3 }
        for index in late.ranks[0].transfers.indices { late.ranks[0].transfers[index].end += 3 }
        let own = predicted.program.programClass(of: Rank(1))
        for (place, instruction) in own.instructions.enumerated() {
            guard case .wait(let id) = instruction, id.payload.kind == "dispatch" else { continue }
            late.ranks[1].events[place].end += 3
        }
        let comparison = try TraceComparison(
            predicted: predicted.trace, measured: late, program: predicted.program)
        let first = try #require(comparison.rows.first)
        #expect(first.kind == "wait dispatch")
        #expect(first.explanation.hasPrefix("mostly waiting for ranks that come later"))
    }

    @Test("a trace of another program is refused")
    func refusesOtherProgram() throws {
        let made = try MadeTrace(time: Self.even)
        var other = made.program
        other.classes[0].instructions.removeLast()
        other.shape.sequenceLength = 64
        let problems = #expect(throws: Problems.self) {
            try TraceComparison(predicted: made.trace, measured: made.trace, program: other)
        }
        #expect(
            problems?.diagnostics.first?.description == """
                error: the prediction of `small.yaml` is of another program  [trace-mismatch]
                  trace: pp2,dp2,ep2, 4 micro-batches of 1 × 16 tokens, fp32
                  deployment: pp2,dp2,ep2, 4 micro-batches of 1 × 64 tokens, fp32
                  expected: the deployment that was run, with the same flags
                """)
    }
}
