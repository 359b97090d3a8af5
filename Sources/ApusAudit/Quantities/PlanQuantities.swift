import ApusBase
import ApusPlan

/// What follows from the degrees and the schedule of a plan, for one of its buckets.
struct PlanQuantities {
    let model: Model
    let plan: Plan
    let bucket: Plan.Bucket
    let length: Int

    /// The degrees of the bucket: its extra tensor degree is carved out of the data axis.
    var degrees: Degrees { plan.degrees.carving(tensor: bucket.tensorParallel) }

    var microBatches: Int { bucket.microBatchesPerFlush }

    func measure(_ quantity: Quantity) -> Measure {
        let degrees = degrees
        switch quantity {
        case .gpus: return gpus
        case .pipelineDegree: return planned("pipeline_parallel", degrees.pipeline)
        case .contextDegree: return planned("context_parallel", degrees.context)
        case .tensorDegree: return planned("tensor_parallel", degrees.tensor)
        case .dataDegree:
            let slices = degrees.tensor * degrees.context
            let formula =
                "\(degrees.stageSize) ranks of a stage ÷ (tensor \(degrees.tensor) × context "
                + "\(degrees.context)) = \(degrees.stageSize / slices) batch replicas"
            return Measure(degrees.data, why: formula, source: definition)
        case .expertDegree: return expertDegree
        case .expertsPerGPU:
            guard model.hasExperts else { return .unknown("the model has no experts") }
            return Measure(
                model.expertCount / degrees.expert,
                why: "\(model.expertCount) experts of a layer ÷ expert degree \(degrees.expert) = "
                    + "\(model.expertCount / degrees.expert)",
                source: definition)
        case .sequencesPerFlush:
            let product = bucket.sequencesPerDataRank * degrees.data
            return Measure(
                product,
                why: "\(bucket.sequencesPerDataRank) sequences of a data rank × \(degrees.data) "
                    + "batch replicas = \(product)",
                source: definition)
        default: return bubble
        }
    }

    private func planned(_ key: String, _ degree: Int) -> Measure {
        Measure(degree, why: "`plan.\(key)` at \(length) tokens", source: definition)
    }

    private var gpus: Measure {
        let degrees = plan.degrees
        let factors = [
            ("pipeline", degrees.pipeline), ("data", degrees.data), ("context", degrees.context),
            ("tensor", degrees.tensor),
        ]
        let product = factors.filter { $0.1 > 1 }.map { "\($0.0) \($0.1)" }
        let formula = product.isEmpty ? "one rank" : product.joined(separator: " × ")
        return Measure(
            degrees.worldSize,
            why: "\(formula) = \(degrees.worldSize); expert \(degrees.expert) lies within the "
                + "\(degrees.stageSize) ranks of a stage",
            source: "Liu et al. 2025 (MoE Parallel Folding), §3.2")
    }

    private var expertDegree: Measure {
        let degrees = plan.degrees
        let stage = degrees.stageSize
        return Measure(
            degrees.expert,
            why: "a stage has \(stage) ranks (data \(degrees.data) × context \(degrees.context) × "
                + "tensor \(degrees.tensor)), so an expert group has at most \(stage); the plan "
                + "has \(degrees.expert)",
            source: definition)
    }

    /// The idle share of one flush at equal stage costs.
    private var bubble: Measure {
        let idle = plan.idleShare(microBatches: microBatches)
        return Measure(idle.share, why: idle.why, source: idle.source)
    }
}
