import ApusBase
import ApusCost
import ApusPlan

/// Bytes on the wire, and the wire.
extension StepQuantities {
    /// Bytes of one number as it is computed with and sent.
    private var elementBytes: Int { step.workload.precision.byteCount }

    var allToAllBytes: Measure {
        let model = step.model
        guard model.hasExperts else { return .unknown("the model has no experts") }
        let degrees = step.degrees
        let groups = degrees.stageSize / degrees.expert
        let tokens = step.tokens / groups
        let size = 4.0 * Double(tokens * model.topK) * Double(model.hiddenSize * elementBytes)
        return Measure(
            size,
            why: "\(grouped(tokens)) tokens of an expert group × top-\(model.topK) × hidden "
                + "\(model.hiddenSize) × \(elementBytes) bytes × 4 (dispatch and combine, forward "
                + "and backward) = \(Bytes(Int(size)))",
            source: definition)
    }

    var pointToPointBytes: Measure {
        let sequences = step.sequencesPerMicroBatch
        let size =
            Double(sequences * step.sequenceLength)
            * Double(step.model.hiddenSize * elementBytes)
        return Measure(
            size,
            why: "\(sequences) sequences × \(step.sequenceLength) tokens × hidden "
                + "\(step.model.hiddenSize) × \(elementBytes) bytes = \(Bytes(Int(size)))",
            source: definition)
    }

    /// The gradients that a rank reduces with others: dense ones over the data axis, experts where
    /// another rank holds the same.
    var dataParallelBytes: Measure {
        let plan = step.plan
        let degrees = plan.degrees
        let dataRanks = degrees.data * degrees.context
        let size = step.implementation.gradientPrecision.byteCount
        let stages = (0..<degrees.pipeline).map { stage -> (dense: Int, experts: Int) in
            let stored = step.model.storedParameters(
                layers: plan.layers(of: Stage(stage), in: step.model), isFirst: stage == 0,
                isLast: stage == degrees.pipeline - 1,
                experts: 0..<max(1, step.model.expertCount / degrees.expert))
            let experts = stored.filter { $0.kind == .experts }.map(\.count).reduce(0, +)
            let dense = stored.map(\.count).reduce(0, +) - experts
            return (
                dataRanks > 1 ? dense / degrees.tensor : 0,
                degrees.expertData > 1 ? experts / degrees.expertTensor : 0
            )
        }
        let index = stages.indices.max { left, right in
            stages[left].dense + stages[left].experts < stages[right].dense + stages[right].experts
        }
        guard let index else { return .unknown("the plan has no stage") }
        let (dense, experts) = stages[index]
        let payload = Double(dense + experts) * Double(size)
        let expertText =
            experts > 0
            ? " + \(count(Double(experts))) of experts"
            : degrees.expertData > 1 ? "" : " (no two ranks hold the same experts)"
        return Measure(
            payload,
            why: "stage \(index): \(count(Double(dense))) dense gradients\(expertText) × \(size) "
                + "bytes = \(Bytes(Int(payload)))",
            source: definition)
    }

    var expertGroupBandwidth: Measure {
        let degrees = step.degrees
        let ranks = degrees.expert * degrees.expertTensor
        let stride = step.plan.pipelinePlacement == .outermost ? 1 : degrees.pipeline
        // A group starts at a multiple of its own extent, so it lies on one unit of each level that
        // its extent divides, and across units of every other level.
        let extent = ranks * stride
        guard ranks > 1 else {
            return .unknown("an expert group has one rank, which sends nothing")
        }
        let links = step.cluster.links
        guard let link = links.first(where: { $0.gpuCount % extent == 0 }) ?? links.last else {
            return .unknown("the cluster names no links")
        }
        return Measure(
            link.bandwidthGBPerSecond,
            why: "\(degrees.expert) ranks of an expert group, "
                + "`pipeline_placement: \(step.plan.pipelinePlacement.rawValue)`: they span "
                + "\(extent) GPUs, joined by link `\(link.level)` (\(link.gpuCount) GPUs, "
                + "\(plain(link.bandwidthGBPerSecond)) GB/s per GPU and direction)",
            source: "definition: nominal bandwidth of the slowest link inside the group")
    }
}
