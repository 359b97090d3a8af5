import ApusPlan

extension MeasuredRow {
    /// The plan of the row, in which every free value has been filled in.
    func mappedPlan(for model: Model, ranks: Int) throws(Unscored) -> Plan {
        let degrees = try mappedDegrees(for: model, ranks: ranks)
        let microBatch = try required(.microBatch)
        let globalBatch = try required(.globalBatch)
        let perReplica = globalBatch / degrees.data
        guard globalBatch % degrees.data == 0, perReplica % microBatch == 0 else {
            throw Unscored("`dp` × `mbs` does not divide `gbs`")
        }
        let schedule = try mappedSchedule(degrees.pipeline)
        let bucket = Plan.Bucket(
            lengthMax: nil, microBatches: perReplica / microBatch,
            sequencesPerDataRank: perReplica, tensorParallel: degrees.tensor,
            recompute: try mappedRecompute())
        return Plan(
            degrees: degrees, schedule: schedule.name, chunksPerRank: schedule.chunks,
            zeroStage: try zeroStage(),
            layersPerStage: layersPerStage(model.layerCount, degrees.pipeline),
            sequenceParallel: try sequenceParallel(tensor: degrees.tensor),
            overlap: true, buckets: [bucket])
    }

    private func mappedDegrees(for model: Model, ranks: Int) throws(Unscored) -> Degrees {
        let (tensor, pipeline) = (try required(.tensor), try required(.pipeline))
        let context = try required(.context)
        let replica = tensor * pipeline * context
        guard ranks % replica == 0 else {
            throw Unscored("`tp` × `pp` × `cp` does not divide `gpus`")
        }
        // Some tables give a column of data parallelism that does not multiply up, and say so.
        if let data = try count(.data), data * replica != ranks, !mentions("derive dp", in: .notes)
        {
            throw Unscored("`tp` × `pp` × `cp` × `dp` is not `gpus`")
        }
        guard model.headCount % tensor == 0 else { throw Unscored("`tp` does not divide `heads`") }
        guard pipeline <= model.layerCount else { throw Unscored("more stages than layers") }
        var degrees = Degrees(
            pipeline: pipeline, data: ranks / replica, context: context, tensor: tensor)
        guard model.hasExperts else { return degrees }
        degrees.expert = try required(.expert)
        // Megatron-Core: experts are as tensor-parallel as attention unless told otherwise.
        degrees.expertTensor = try count(.expertTensor) ?? tensor
        guard degrees.expertTensor > 0,
            degrees.stageSize % (degrees.expert * degrees.expertTensor) == 0
        else { throw Unscored("`ep` × `etp` does not divide the ranks of a stage") }
        guard model.expertCount % degrees.expert == 0 else {
            throw Unscored("`ep` does not divide `experts`")
        }
        return degrees
    }

    private func mappedSchedule(
        _ pipeline: Int
    ) throws(Unscored) -> (name: Plan.Schedule, chunks: Int) {
        if mentions("dualpipe", in: .chunks) { return (.dualPipeV, 2) }
        let chunks = max(1, try count(.chunks) ?? 1)
        return pipeline > 1 && chunks > 1
            ? (.interleaved, chunks) : (.oneForwardOneBackward, 1)
    }

    private func zeroStage() throws(Unscored) -> Int {
        let text = self[.zero].lowercased()
        if text.hasPrefix("fsdp") || text.hasPrefix("hsdp") { return 3 }
        // Where nothing is said, nothing is sharded, but for NeMo, which shards the optimizer by
        // default. Time hardly depends on it: an all-reduce sends what a reduce-scatter and an
        // all-gather send.
        guard let first = text.first else { return mentions("nemo", in: .framework) ? 1 : 0 }
        guard let stage = first.wholeNumberValue, 0...3 ~= stage else {
            throw Unscored("`zero` is neither 0 to 3 nor fsdp")
        }
        return stage
    }

    /// Megatron's mixture-of-experts, recipes of Bridge and NeMo, and torchtitan have it wherever
    /// tensors are parallel.
    private func sequenceParallel(tensor: Int) throws(Unscored) -> Bool {
        guard tensor > 1 else { return false }
        if let flag = try count(.sequenceParallel) { return flag == 1 }
        guard
            mentions("bridge", in: .framework) || mentions("megatron-core", in: .framework)
                || mentions("nemo", in: .framework) || mentions("torchtitan", in: .framework)
        else { throw Unscored("`sp` not published") }
        return true
    }

    /// The layers of each stage where they do not divide evenly, or `nil` where they do.
    ///
    /// Assumption: embedding and head count as a layer each, as with Megatron's
    /// `account_for_embedding_in_pipeline_split` and `…_loss_…`, and later stages hold the
    /// fewer layers.
    private func layersPerStage(_ layers: Int, _ stages: Int) -> [Int]? {
        guard stages > 1, layers % stages != 0 else { return nil }
        var result = evenSplit(layers + 2, into: stages)
        result[0] -= 1
        result[stages - 1] -= 1
        return result.allSatisfy { $0 > 0 } ? result : nil
    }
}
