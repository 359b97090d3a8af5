import ApusPlan

/// A plan with the keys that a deployment file has.
struct PlanKeysRecord: Encodable {
    var pipeline_parallel: Int
    var data_parallel: Int
    var context_parallel: Int
    var tensor_parallel: Int
    var expert_parallel: Int
    var expert_tensor_parallel: Int
    /// The name of a generated schedule; a written one has its file instead.
    var schedule: String?
    var schedule_file: String?
    var chunks_per_rank: Int
    var zero_stage: Int
    var pipeline_placement: String
    var layers_per_stage: [Int]?
    var sequence_parallel: Bool
    var overlap: Bool
    var hierarchical_reduce: Bool
    var micro_batches: Int?
    var sequences_per_data_rank: Int?
    var recompute: String?
    var by_sequence_length: [BucketRecord]?

    struct BucketRecord: Encodable {
        var up_to: Int?
        var tensor_parallel: Int
        var micro_batches: Int
        var sequences_per_data_rank: Int
        var recompute: String
    }

    init(_ plan: Plan) {
        pipeline_parallel = plan.degrees.pipeline
        data_parallel = plan.degrees.data
        context_parallel = plan.degrees.context
        tensor_parallel = plan.degrees.tensor
        expert_parallel = plan.degrees.expert
        expert_tensor_parallel = plan.degrees.expertTensor
        schedule = plan.schedule.written == nil ? plan.schedule.name : nil
        schedule_file = plan.schedule.written?.file
        chunks_per_rank = plan.chunksPerRank
        zero_stage = plan.zeroStage
        pipeline_placement = plan.pipelinePlacement.rawValue
        layers_per_stage = plan.layersPerStage
        sequence_parallel = plan.sequenceParallel
        overlap = plan.overlap
        hierarchical_reduce = plan.hierarchicalReduce
        if let bucket = plan.buckets.first, plan.buckets.count == 1, bucket.lengthMax == nil,
            bucket.tensorParallel == plan.degrees.tensor
        {
            micro_batches = bucket.microBatches
            sequences_per_data_rank = bucket.sequencesPerDataRank
            recompute = bucket.recompute.rawValue
        } else {
            by_sequence_length = plan.buckets.map {
                BucketRecord(
                    up_to: $0.lengthMax, tensor_parallel: $0.tensorParallel,
                    micro_batches: $0.microBatches,
                    sequences_per_data_rank: $0.sequencesPerDataRank,
                    recompute: $0.recompute.rawValue)
            }
        }
    }
}
