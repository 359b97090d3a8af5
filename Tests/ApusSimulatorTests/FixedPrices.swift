import ApusBase
import ApusPlan
import ApusTestSupport
import ApusTrace

@testable import ApusProgram
@testable import ApusSimulator

/// Prices that make a step's time known without a cost model.
struct FixedPrices: InstructionPrices {
    var compute: @Sendable (Instruction) -> Double = { _ in 0 }
    var transfer: @Sendable (Transfer) -> Double = { _ in 0 }
    var levels: @Sendable (Queue) -> Int = { _ in 0 }
    var share: @Sendable (Transfer) -> Double = { _ in 1 }
    var rows = 1.0

    func computation(_ instruction: Instruction, of programClass: ProgramClass) -> Seconds {
        var time = compute(instruction)
        if InstructionKind.name(of: instruction).hasSuffix(" experts") { time *= rows }
        return Seconds(time)
    }

    func workspace(of run: Forward) -> Bytes { .zero }

    func duration(of transfer: Transfer) -> Seconds { Seconds(self.transfer(transfer)) }

    func bandwidthShare(of transfer: Transfer) -> Double { share(transfer) }

    func level(of queue: Queue) -> Int { levels(queue) }

    func withExpertRows(_ factor: Double) -> FixedPrices {
        var other = self
        other.rows = factor
        return other
    }

    /// Forward of a layer takes `forward`, backward `backward`, and nothing else takes any time.
    static func layers(
        forward: Double, backward: Double, weight: Double = 0
    ) -> FixedPrices {
        FixedPrices(compute: { instruction in
            switch InstructionKind.name(of: instruction) {
            case "forward attention": forward
            case "backward attention": backward
            case "weight gradients attention": weight
            default: 0
            }
        })
    }
}

extension Program {
    /// A small model's program under a plan.
    static func small(
        _ plan: Plan, layerCount: Int = 4, tiesEmbeddings: Bool = false
    ) throws -> Program {
        let shape = StepShape(bucket: plan.buckets[0], length: 16, precision: .fp32)
        return try compile(
            model: .small(layerCount: layerCount, tiesEmbeddings: tiesEmbeddings), plan: plan,
            shape: shape)
    }
}
