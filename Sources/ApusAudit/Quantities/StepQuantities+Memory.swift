import ApusBase
import ApusCost
import ApusPlan

/// Memory of the rank that holds most.
extension StepQuantities {
    func memory(_ quantity: Quantity) -> Measure {
        let stages = model.memory(of: step)
        switch quantity {
        case .parameterMemory:
            return largest(stages, \.weights) { stage in
                "\(weights(stages[stage])) × \(step.workload.precision.elementBytes) bytes"
            }
        case .gradientMemory:
            let precision = step.implementation.gradientPrecision
            return largest(stages, \.gradients) { stage in
                "\(weights(stages[stage])) × \(precision.byteCount) bytes (\(precision.rawValue))"
            }
        case .optimizerMemory:
            return largest(stages, \.optimizer) { stage in
                "\(weights(stages[stage])), two moments in "
                    + "\(step.workload.optimizerPrecision.rawValue)"
                    + "\(masters), ZeRO \(step.plan.zeroStage) over data \(step.plan.degrees.data) "
                    + "and expert data \(step.plan.degrees.expertData)"
            }
        case .activationMemory:
            return largest(stages, \.kept) { stage in
                let inFlight = step.plan.microBatchesInFlight(
                    stage: stage, microBatches: step.microBatches)
                return "\(grouped(step.tokensPerMicroBatch)) tokens × "
                    + "\(figure(inFlight)) micro-batch\(inFlight == 1 ? "" : "es") "
                    + "in flight, `recompute: \(step.bucket.recompute.rawValue)`: layers "
                    + "\(stages[stage].activations) + logits \(stages[stage].logits)"
            }
        case .totalMemory:
            return largest(stages, \.total) { stage in stages[stage].words }
        case .fits: return fits(stages)
        default: return saving
        }
    }

    private var source: String { "definition, on the largest rank; memory model of Apus" }

    private var masters: String {
        step.workload.masterByteCount == 0 ? "" : " and FP32 master weights"
    }

    /// The value of the stage that holds most, in GB.
    private func largest(
        _ stages: [StageMemory], _ part: KeyPath<StageMemory, Bytes>, why: (Int) -> String
    ) -> Measure {
        let index = stages.indices.max { stages[$0][keyPath: part] < stages[$1][keyPath: part] }
        guard let index else { return .unknown("the plan has no stage") }
        let size = stages[index][keyPath: part]
        return Measure(
            Double(size.count) / 1e9, why: "stage \(index): \(why(index)) = \(size)",
            source: source)
    }

    /// The weights that a rank of a stage computes with, in words.
    private func weights(_ stage: StageMemory) -> String {
        let size = step.workload.precision.elementBytes
        return "\(count(Double(stage.weights.count) / Double(size))) weights"
    }

    /// How far published peaks lie from predicted ones, as a share, in four of five cases.
    private static let memorySpread = 0.06

    private func fits(_ stages: [StageMemory]) -> Measure {
        let capacity = step.cluster.gpu.memoryGB * 1e9
        let index = stages.indices.max { stages[$0].total < stages[$1].total } ?? 0
        let need = Double(stages[index].total.count)
        let why =
            "rank of stage \(index): \(stages[index].words) = \(stages[index].total), "
            + "`\(step.cluster.gpu.name)` has \(significant(capacity / 1e9)) GB"
        let measure = Measure(.truth(need <= capacity), why: why, source: source)
        guard (need - capacity).magnitude <= Self.memorySpread * capacity else { return measure }
        return Measure(
            .truth(need <= capacity),
            why: why + "; so near to the limit only a run can tell", source: source
        ).predicted()
    }

    /// How much less the layers of stage 0 hold with full recomputation than with none.
    private var saving: Measure {
        var variant = step
        variant.bucket.recompute = .none
        let without = model.memory(of: variant)[0].activations
        variant.bucket.recompute = step.bucket.recompute == .selective ? .selective : .full
        let with = model.memory(of: variant)[0].activations
        guard without > .zero else { return .unknown("the layers hold nothing") }
        let share = 1 - Double(with.count) / Double(without.count)
        return Measure(
            share, why: "1 − \(with) ÷ \(without) in the layers of stage 0",
            source: "Korthikanti et al. 2022, §5; memory model of Apus")
    }
}

extension StageMemory {
    /// Every part that holds anything, in words.
    var words: String {
        [
            ("weights", weights), ("gradients", gradients), ("optimizer", optimizer),
            ("activations", activations), ("logits", logits), ("buffers", buffers),
            ("fragments", fragmentation), ("context", context),
        ].filter { $0.1 > .zero }.map { "\($0.0) \($0.1)" }.joined(separator: " + ")
    }
}
