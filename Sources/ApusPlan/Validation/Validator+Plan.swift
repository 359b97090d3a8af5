import ApusBase

/// Degrees against the cluster and the model.
extension Validator {
    mutating func checkWorldSize(_ degrees: Degrees, cluster: Cluster?) {
        guard areKnown(Self.denseDegrees) else { return }
        let needed = boundedProduct(
            [degrees.pipeline, degrees.data, degrees.context, degrees.tensor])
        guard needed <= FileSchema.ranks.upperBound else {
            return report(
                .worldSize, "plan", "`plan` needs \(ranks(needed)), more than Apus handles",
                details: [product(of: degrees)],
                expected: "at most \(grouped(FileSchema.ranks.upperBound)) ranks")
        }
        guard let cluster, isKnown("cluster.nodes", "cluster.gpus_per_node") else { return }
        let present = boundedProduct([cluster.nodeCount, cluster.gpusPerNode])
        guard needed != present, present <= FileSchema.ranks.upperBound else { return }
        let nodes = "nodes \(cluster.nodeCount) × gpus \(cluster.gpusPerNode) = \(present)"
        report(
            .worldSize, "plan",
            "`plan` needs \(ranks(needed)), `cluster` has \(grouped(present))",
            details: ["\(product(of: degrees)) = \(needed); \(nodes)\(expertRemark(degrees))"],
            hint: worldSizeHint(degrees, needed: needed, present: present, cluster: cluster))
    }

    static let denseDegrees = ["pipeline", "data", "context", "tensor"]
    static let stageDegrees = ["data", "context", "tensor", "expert", "expert_tensor"]

    func areKnown(_ degrees: [String]) -> Bool {
        degrees.allSatisfy { isKnown("plan.\($0)_parallel") }
    }

    private func ranks(_ count: Int) -> String {
        count == Int.max ? "countless ranks" : counted(count, "rank", "ranks")
    }

    /// The factors of the world size; degrees of 1 are left out, except those that every plan has.
    private func product(of degrees: Degrees) -> String {
        (["pipeline \(degrees.pipeline)"] + stageFactors(degrees)).joined(separator: " × ")
    }

    private func stageFactors(_ degrees: Degrees) -> [String] {
        var factors = ["data \(degrees.data)"]
        if degrees.context > 1 { factors.append("context \(degrees.context)") }
        if degrees.tensor > 1 { factors.append("tensor \(degrees.tensor)") }
        return factors
    }

    private func expertRemark(_ degrees: Degrees) -> String {
        guard degrees.expert > 1 else { return "" }
        let axes = stageFactors(degrees).map { $0.prefix { $0 != " " } }.joined(separator: " × ")
        return "   (expert \(degrees.expert) lies within \(axes))"
    }

    private func worldSizeHint(
        _ degrees: Degrees, needed: Int, present: Int, cluster: Cluster
    ) -> String? {
        let others = degrees.pipeline * degrees.context * degrees.tensor
        if present % others == 0 {
            let data = present / others
            let stage = data * degrees.context * degrees.tensor
            if stage % boundedProduct([degrees.expert, degrees.expertTensor]) == 0 {
                return "`data_parallel: \(data)` uses all \(grouped(present)) ranks"
            }
        }
        guard needed % cluster.gpusPerNode == 0 else { return nil }
        let nodes = needed / cluster.gpusPerNode
        return "`nodes: \(nodes)` gives the cluster \(ranks(needed))"
    }

    mutating func checkPipeline(_ plan: Plan, model: Model) {
        guard isKnown("plan.pipeline_parallel", "plan.chunks_per_rank", "plan.schedule") else {
            return
        }
        let stages = plan.degrees.pipeline * plan.chunksPerRank
        let layersKey = "model.\(model.family.keys.layers)"
        checkChunks(plan)
        guard isKnown(layersKey) else { return }
        if stages > model.layerCount {
            let chunks = plan.chunksPerRank > 1 ? " × `plan.chunks_per_rank`" : ""
            report(
                .pipelineDegree, "plan.pipeline_parallel",
                "`plan.pipeline_parallel`\(chunks) is \(stages), more than "
                    + "`\(layersKey)` (\(model.layerCount))",
                expected: "at most \(model.layerCount)")
        }
        let path = "plan.layers_per_stage"
        guard let layers = plan.layersPerStage, isKnown(path) else { return }
        let sum = layers.reduce(0, +)
        if layers.count != stages {
            report(
                .pipelineDegree, path,
                "`\(path)` has \(counted(layers.count, "entry", "entries")), the plan has "
                    + counted(stages, "stage", "stages"),
                expected: "one number for each stage",
                hint: "without `layers_per_stage` the layers are split as evenly as possible")
        } else if sum != model.layerCount {
            let terms = layers.prefix(16).map(String.init).joined(separator: " + ")
            report(
                .pipelineDegree, path,
                "`\(path)` adds up to \(sum), `\(layersKey)` is \(model.layerCount)",
                details: ["\(terms)\(layers.count > 16 ? " + …" : "") = \(sum)"],
                hint: "without `layers_per_stage` the layers are split as evenly as possible")
        }
    }

    private mutating func checkChunks(_ plan: Plan) {
        switch plan.schedule {
        case .interleaved:
            guard plan.chunksPerRank < 2 else { return }
            report(
                .pipelineDegree, "plan.schedule",
                "`plan.schedule` is `interleaved_1f1b` and `plan.chunks_per_rank` is 1",
                expected: "`chunks_per_rank` of 2 or more", hint: "`schedule: 1f1b` has one chunk")
        case .gpipe, .oneForwardOneBackward, .zeroBubbleH1:
            guard plan.chunksPerRank > 1 else { return }
            report(
                .noEffect, "plan.chunks_per_rank",
                "`plan.chunks_per_rank` changes nothing: `plan.schedule` is "
                    + "`\(plan.schedule.name)`",
                hint: "`schedule: interleaved_1f1b` runs several chunks on each rank")
        case .zeroBubbleV, .dualPipeV:
            break
        case .written(let written):
            checkWritten(written, plan)
        }
    }

    mutating func checkExperts(_ degrees: Degrees, model: Model) {
        let path = "plan.expert_parallel"
        let expert = degrees.expert
        guard let key = model.family.keys.experts else { return checkNoExperts(degrees, model) }
        let experts = "model.\(key)"
        if isKnown(path, experts), model.expertCount % expert != 0 {
            let choices = divisors(of: model.expertCount)
            let next = choices.first { $0 > expert } ?? model.expertCount
            let each = counted(model.expertCount / next, "expert", "experts")
            let rank = next > expert ? "is the next one up" : "is the largest"
            return report(
                .expertDegree, path,
                "`\(path)` is \(expert), which does not divide "
                    + "`\(experts)` (\(model.expertCount))",
                expected: alternatives(choices),
                hint: "`expert_parallel: \(next)` \(rank); it puts \(each) on each rank")
        }
        guard areKnown(Self.stageDegrees) else { return }
        let stage = boundedProduct([degrees.data, degrees.context, degrees.tensor])
        let expertRanks = boundedProduct([expert, degrees.expertTensor])
        guard stage % expertRanks != 0 else { return }
        let factors = stageFactors(degrees).joined(separator: " × ")
        let name =
            "`\(path)`" + (degrees.expertTensor > 1 ? " × `plan.expert_tensor_parallel`" : "")
        let possible = divisors(of: model.expertCount).filter {
            stage % boundedProduct([$0, degrees.expertTensor]) == 0
        }
        report(
            .expertDegree, path,
            "\(name) is \(expertRanks), which does not divide the "
                + "\(counted(stage, "rank", "ranks")) of a stage",
            details: ["\(factors) = \(stage)"],
            expected: possible.isEmpty ? nil : "`expert_parallel` \(alternatives(possible))",
            hint: "experts lie on the ranks of a stage, data × context × tensor")
    }

    /// A dense model has nothing for the axes of experts.
    private mutating func checkNoExperts(_ degrees: Degrees, _ model: Model) {
        guard isKnown("model") else { return }
        for (key, degree) in [
            ("expert_parallel", degrees.expert), ("expert_tensor_parallel", degrees.expertTensor),
        ] where degree > 1 && isKnown("plan.\(key)") {
            report(
                .expertDegree, "plan.\(key)",
                "`plan.\(key)` is \(degree), but a `\(model.family.rawValue)` model has no experts",
                expected: "1")
        }
    }

    mutating func checkTensor(_ plan: Plan, model: Model) {
        let path = "plan.tensor_parallel"
        let tensor = plan.degrees.tensor
        let keys = model.family.keys
        let heads = "model.\(keys.heads)"
        guard isKnown(path, "plan.data_parallel", heads) else { return }
        if model.headCount % tensor != 0 {
            report(
                .tensorDegree, path,
                "`\(path)` is \(tensor), which does not divide "
                    + "`\(heads)` (\(model.headCount))",
                expected: alternatives(divisors(of: model.headCount)))
        }
        let expertTensor = plan.degrees.expertTensor
        let width = "model.\(keys.expertHidden)"
        if model.hasExperts, isKnown("plan.expert_tensor_parallel", width),
            model.expertHiddenSize % expertTensor != 0
        {
            report(
                .tensorDegree, "plan.expert_tensor_parallel",
                "`plan.expert_tensor_parallel` is \(expertTensor), which does not divide "
                    + "`\(width)` (\(model.expertHiddenSize))")
        }
        let possible = divisors(of: plan.degrees.data)
            .map { boundedProduct([$0, tensor]) }.filter { model.headCount % $0 == 0 }
        for (index, bucket) in plan.buckets.enumerated() where bucket.tensorParallel != tensor {
            let path = "plan.by_sequence_length[\(index)].tensor_parallel"
            guard isKnown(path), !possible.contains(bucket.tensorParallel) else { continue }
            let isBelow = bucket.tensorParallel < tensor
            report(
                .tensorDegree, path,
                "`\(path)` is \(bucket.tensorParallel), "
                    + (isBelow
                        ? "less than `plan.tensor_parallel` (\(tensor))"
                        : "which cannot be carved out of tensor \(tensor) × data "
                            + "\(plan.degrees.data) for \(model.headCount) heads"),
                expected: possible.isEmpty ? nil : alternatives(possible),
                hint: isBelow ? "the plan's weights stay sharded; a bucket can only add to it" : nil
            )
        }
    }
}
