import ApusBase
import ApusCost
import ApusPlan

/// Bytes on the wire, and the wire.
extension StepQuantities {
    private var elementBytes: Int { step.workload.precision.elementBytes }

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
        let size = step.implementation.gradientPrecision.byteCount
        let weights = LayerWeights(
            model: step.model, stored: degrees,
            vocabularyMultiple: step.implementation.vocabularyMultiple)
        let stages = (0..<degrees.pipeline).map { stage -> (dense: Double, experts: Double) in
            let layers = StageLayers(stage: stage, plan: plan, model: step.model)
            let dense = weights.common(of: layers, tiesEmbeddings: step.model.tiesEmbeddings)
            let experts = Double(layers.sparse) * weights.experts
            return (
                degrees.data * degrees.context > 1 ? dense : 0,
                degrees.expertData > 1 ? experts : 0
            )
        }
        let index = stages.indices.max { left, right in
            stages[left].dense + stages[left].experts < stages[right].dense + stages[right].experts
        }
        guard let index else { return .unknown("the plan has no stage") }
        let (dense, experts) = stages[index]
        let payload = (dense + experts) * Double(size)
        let expertText =
            experts > 0
            ? " + \(count(experts)) of experts"
            : degrees.expertData > 1 ? "" : " (no two ranks hold the same experts)"
        return Measure(
            payload,
            why: "stage \(index): \(count(dense)) dense gradients\(expertText) × \(size) "
                + "bytes = \(Bytes(Int(payload)))",
            source: definition)
    }

    var expertGroupBandwidth: Measure {
        let degrees = step.degrees
        guard degrees.expert > 1 else {
            return .unknown("an expert group has one rank, which sends nothing")
        }
        let links = step.cluster.linksOrDefault
        guard let link = links.first(where: { joinsExpertGroups($0) }) ?? links.last else {
            return .unknown("the cluster has one GPU")
        }
        let assumed = step.cluster.hasAssumedLinks ? ", assumed: the cluster names no links" : ""
        return Measure(
            link.bandwidthGBPerSecond,
            why: "\(degrees.expert) ranks of an expert group, "
                + "`pipeline_placement: \(step.plan.pipelinePlacement.rawValue)`: link "
                + "`\(link.level)` joins all of them (\(link.gpuCount) GPUs, "
                + "\(plain(link.bandwidthGBPerSecond)) GB/s per GPU and direction\(assumed))",
            source: "definition: nominal bandwidth of the slowest link inside the group")
    }

    /// Whether every expert group lies within one domain of a link.
    private func joinsExpertGroups(_ link: Link) -> Bool {
        let degrees = step.degrees
        let mesh = Mesh(degrees, placement: step.plan.pipelinePlacement)
        let extent = degrees.expert * degrees.expertTensor
        func domain(stage: Int, local: Int) -> Int {
            mesh.rank(at: MeshPosition(stage: Stage(stage), local: local)).index / link.gpuCount
        }
        // The first and the last rank of a group are its farthest, whatever the placement.
        return (0..<degrees.pipeline).allSatisfy { stage in
            stride(from: 0, to: degrees.stageSize, by: extent).allSatisfy { first in
                domain(stage: stage, local: first)
                    == domain(stage: stage, local: first + extent - 1)
            }
        }
    }
}
