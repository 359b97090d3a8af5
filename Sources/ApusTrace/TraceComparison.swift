package import ApusBase
import ApusPlan
package import ApusProgram

/// A prediction beside a measurement of the same program, instruction by instruction.
///
/// A rank of the measurement is held against the traced rank that stands for it; an instruction
/// that was measured in several steps counts with its median.
package struct TraceComparison: Hashable, Sendable {
    /// All instructions of one kind, per step and in the mean over ranks.
    package struct Row: Hashable, Sendable {
        package var kind: String
        /// Instructions of one rank.
        package var count: Double
        package var predicted: Seconds
        package var measured: Seconds
        /// What makes the difference, in words.
        package var explanation: String

        package var difference: Seconds { measured - predicted }
    }

    /// One instruction of one rank.
    package struct Entry: Hashable, Sendable {
        package var rank: Rank
        package var instruction: Int
        package var text: String
        package var predicted: Seconds
        package var measured: Seconds
    }

    /// Bytes that the measured ranks sent in a step, by kind of payload.
    package struct SentBytes: Hashable, Sendable {
        package var kind: String
        package var planned: Bytes
        package var actual: Bytes
    }

    /// The most that a rank held, what it keeps between steps included.
    package struct Memory: Hashable, Sendable {
        package var rank: Rank
        package var predicted: Bytes
        package var measured: Bytes
    }

    package private(set) var predictedStepTime: Seconds
    /// The median over steps.
    package private(set) var measuredStepTime: Seconds
    package private(set) var stepCount: Int
    /// The largest difference first.
    package private(set) var rows: [Row]
    package private(set) var entries: [Entry]
    package private(set) var sent: [SentBytes]
    package private(set) var memory: [Memory]

    /// Compares two traces of `program`.
    ///
    /// - Throws: `Problems` where one of them is of another program.
    package init(
        predicted: Trace, measured: Trace, program: Program, entryCount: Int = 10
    ) throws(Problems) {
        let expected = String(fingerprint(program.description), radix: 16)
        for trace in [predicted, measured] where trace.subject.program != expected {
            throw Problems([Self.mismatch(trace, expected: program)])
        }
        let pairs = PairedInstructions(predicted: predicted, measured: measured, program: program)
        let steps = measured.steps
        predictedStepTime = Seconds(median(predicted.steps.map(predicted.stepTime)))
        measuredStepTime = Seconds(median(steps.map(measured.stepTime)))
        stepCount = steps.count
        rows = pairs.rows(stepTime: measuredStepTime.count)
        entries = pairs.largest(entryCount)
        sent = Self.sent(measured, program, stepCount: max(1, steps.count))
        memory = measured.ranks.map { rank in
            let own = predicted.counterpart(of: rank)
            return Memory(
                rank: rank.rank, predicted: own?.memoryPeak ?? .zero, measured: rank.memoryPeak)
        }
    }

    private static func sent(_ trace: Trace, _ program: Program, stepCount: Int) -> [SentBytes] {
        var sizes: [String: (planned: Int, actual: Int)] = [:]
        for rank in trace.ranks {
            let instructions = program.programClass(of: rank.rank).instructions
            for entry in rank.transfers {
                guard let transfer = instructions.transfer(of: entry), transfer.id.role != .receive
                else { continue }
                let kind = String(transfer.id.payload.kind)
                sizes[kind, default: (0, 0)].planned += entry.planned * rank.standsFor
                sizes[kind, default: (0, 0)].actual += entry.actual * rank.standsFor
            }
        }
        return sizes.sorted { $0.key < $1.key }.map { kind, size in
            SentBytes(
                kind: kind, planned: Bytes(size.planned / stepCount),
                actual: Bytes(size.actual / stepCount))
        }
    }

    private static func mismatch(_ trace: Trace, expected: Program) -> Diagnostic {
        let (subject, shape) = (trace.subject, expected.shape)
        return Diagnostic(
            .traceMismatch,
            problem: "the \(trace.source.rawValue) of `\(excerpt(subject.deployment))` is of "
                + "another program",
            details: [
                "trace: \(excerpt(subject.layout)), \(subject.microBatches) micro-batches of "
                    + "\(subject.sequencesPerMicroBatch) × \(subject.sequenceLength) tokens, "
                    + excerpt(subject.precision),
                "deployment: \(expected.mesh.degrees.layout), \(shape.microBatches) micro-batches "
                    + "of \(shape.sequencesPerMicroBatch) × \(shape.sequenceLength) tokens, "
                    + shape.precision.rawValue,
            ], expected: "the deployment that was run, with the same flags")
    }
}

extension Trace {
    /// The traced rank that stands for `rank`: itself, or the one for most ranks of its stage.
    func counterpart(of rank: RankTrace) -> RankTrace? {
        if let own = ranks.first(where: { $0.rank == rank.rank }) { return own }
        let same = ranks.filter { $0.stage == rank.stage }
        return same.first { $0.standsFor == (same.map(\.standsFor).max() ?? 0) }
    }
}

extension [Instruction] {
    /// The transfer that a traced one carried out.
    func transfer(of entry: TraceTransfer) -> Transfer? {
        guard indices.contains(Int(entry.instruction)),
            case .start(let transfer) = self[Int(entry.instruction)]
        else { return nil }
        return transfer
    }
}

extension RankTrace {
    /// The most that the rank held.
    package var memoryPeak: Bytes { persistent + Bytes(max(0, events.map(\.held).max() ?? 0)) }
}
