package import ApusPlan
import ApusProgram

/// A deployment made so small that this machine runs its layout in seconds, with the same
/// structure.
///
/// Degrees, schedule, placement, buckets with their tensor degrees and recomputation, the ratio of
/// query heads to keys, top-k and the tie of the embedding stay. Widths, layers, sequence lengths
/// and the vocabulary shrink; micro-batches shrink to twice the virtual stages.
package struct ScaledDeployment: Sendable {
    package let deployment: Deployment
    package let plan: Plan
    /// What the runtime does not execute and was replaced, and what was scaled down.
    package let replacements: [String]

    private static let hiddenSize = 32
    private static let expertHiddenSize = 32
    private static let headDim = 8
    private static let vocabularySize = 320
    private static let layersPerStageMax = 2
    private static let expertCountMax = 64

    /// Scales a deployment down for its plan, or so that every layout of `ranks` finds heads and
    /// layers enough.
    package init(_ deployment: Deployment, plan: Plan, ranks: Int? = nil) {
        var replacements: [String]
        var small: Deployment
        small = deployment
        small.plan = plan
        (small, replacements) = small.executable()
        var plan = small.plan ?? plan
        let original = deployment.model
        plan.buckets = plan.buckets.map { Self.scaled($0, of: plan) }
        Self.shrinkLayers(&small.model, &plan, ranks: ranks ?? 1)
        Self.shrinkWidths(&small.model, plan, ranks: ranks ?? 1)
        let model = small.model
        replacements.append(
            "model \(Self.describe(original)) -> \(Self.describe(model)): small enough to run here")
        small.plan = plan
        small.cluster = nil
        self.deployment = small
        self.plan = plan
        self.replacements = replacements
    }

    /// The tokens of a sequence whose micro-batches split over `tensorParallel` ranks.
    ///
    /// Few tokens, since each one is a choice that must not lie near a tie; the first buckets have
    /// lengths of their own.
    static func length(tensorParallel: Int, bucket index: Int = 0) -> Int {
        let length = max(6 + 2 * min(index, 5), tensorParallel)
        return (length + tensorParallel - 1) / tensorParallel * tensorParallel
    }

    /// One layout for each bucket, and one in which all buckets run in turn over one set of
    /// weights.
    package var layouts: [Layout] {
        let shapes = plan.buckets.enumerated().map { index, bucket in
            let tensor = bucket.tensorParallel
            return StepShape(
                bucket: bucket, length: Self.length(tensorParallel: tensor, bucket: index),
                precision: .fp32)
        }
        var result = zip(plan.buckets, shapes).map { bucket, shape in
            var single = plan
            single.buckets = [bucket]
            let name = bucket.lengthMax.map { "up to \($0)" } ?? "all lengths"
            return Layout(name: name, plan: single, shapes: [shape])
        }
        if shapes.count > 1 {
            result.append(Layout(name: "in turn", plan: plan, shapes: shapes))
        }
        return result
    }

    private static func scaled(_ bucket: Plan.Bucket, of plan: Plan) -> Plan.Bucket {
        var result = bucket
        let flush = bucket.microBatchesPerFlush
        let isWritten = plan.schedule.written != nil
        result.microBatches = isWritten ? flush : min(flush, 2 * plan.virtualStages.count)
        let sequences = min(2, bucket.sequencesPerDataRank / max(1, flush))
        result.sequencesPerDataRank = result.microBatches * max(1, sequences)
        return result
    }

    private static func shrinkLayers(_ model: inout Model, _ plan: inout Plan, ranks: Int) {
        if let counts = plan.layersPerStage {
            let small = counts.map { min($0, layersPerStageMax) }
            plan.layersPerStage = small
            model.layerCount = small.reduce(0, +)
        } else {
            let stages = max(ranks, plan.virtualStages.count)
            model.layerCount = min(model.layerCount, layersPerStageMax * stages)
        }
    }

    private static func shrinkWidths(_ model: inout Model, _ plan: Plan, ranks: Int) {
        model.hiddenSize = hiddenSize
        model.headDim = headDim
        model.expertHiddenSize = expertHiddenSize
        model.vocabularySize = vocabularySize
        let expert = max(1, plan.degrees.expert)
        if model.expertCount > expertCountMax, expert <= expertCountMax {
            model.expertCount = expertCountMax / expert * expert
        }
        let served = model.headCount / max(1, model.keyValueHeadCount)
        let tensors = plan.buckets.map { max(1, $0.tensorParallel) } + divisors(of: ranks)
        let few = divisors(of: model.keyValueHeadCount).first { count in
            tensors.allSatisfy { tensor in
                let heads = count * served
                let share = heads / tensor
                return heads.isMultiple(of: tensor) && heads >= 2
                    && (share.isMultiple(of: served) || served.isMultiple(of: share))
            }
        }
        guard let few else { return }
        model.keyValueHeadCount = few
        model.headCount = few * served
    }

    private static func describe(_ model: Model) -> String {
        "[\(model.layerCount) layers, hidden \(model.hiddenSize), \(model.headCount) heads, "
            + "\(model.expertCount) experts of \(model.expertHiddenSize)]"
    }
}
