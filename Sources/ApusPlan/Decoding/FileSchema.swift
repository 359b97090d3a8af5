/// One key that a file may hold, and what it may say.
struct Field: Sendable {
    enum Content: Sendable {
        case integer(ClosedRange<Int>)
        case integers(ClosedRange<Int>, countMax: Int)
        case number(ClosedRange<Double>)
        case numbers(ClosedRange<Double>, countMax: Int)
        case flag
        case text
        /// One of the names that the reading code gives, so that they stand in one place.
        case choice
        /// A mapping with the fields of its own table.
        case section
        /// A list of such mappings.
        case sections(countMax: Int)
        /// A list of names that the reading code gives.
        case texts(countMax: Int)
        /// Whatever it may be, kept as it stands.
        case anything
    }

    var key: String
    var content: Content

    init(_ key: String, _ content: Content) {
        self.key = key
        self.content = content
    }
}

/// Every key of a deployment file with the limits of its numbers, section by section.
///
/// The limits are far beyond any machine and yet so small that the integer products that Apus forms
/// fit `Int`: a model has fewer than 2⁵⁸ weights, a rank at most 2¹⁶ peers. What depends on several
/// sections at once is bounded by the validation (`count-limit`).
package enum FileSchema {
    /// Ranks, and with them every degree of parallelism.
    package static let ranks = 1...65_536
    package static let sequenceLength = 1...1_048_576
    package static let sequences = 1...1_048_576
    package static let seed = 0...Int.max
    package static let steps = 1...1_000_000_000
    package static let learningRate = 0...1e6
    private static let positive = 1e-9...1e12

    static let deployment: [Field] = [
        Field("apus", .integer(1...1)),
        Field("model", .section),
        Field("cluster", .section),
        Field("workload", .section),
        Field("plan", .section),
        Field("routing", .section),
        Field("claims", .sections(countMax: 1000)),
        Field("run", .section),
    ]
    static let cluster: [Field] = [
        Field("nodes", .integer(ranks)),
        Field("gpus_per_node", .integer(ranks)),
        Field("gpu", .section),
        Field("links", .sections(countMax: 16)),
        Field("cores", .integer(1...65_536)),
        Field("calibration", .section),
    ]
    static let gpu: [Field] = [
        Field("name", .text),
        Field("peak_tflops", .section),
        Field("memory_gb", .number(1e-6...1e6)),
        Field("memory_bandwidth_gb_per_s", .number(1e-6...1e9)),
    ]
    static let peakTeraFLOPs: [Field] = Precision.allCases.map {
        Field($0.rawValue, .number(1e-6...1e9))
    }
    static let link: [Field] = [
        Field("level", .text),
        Field("gpus", .integer(ranks)),
        Field("bandwidth_gb_per_s", .number(1e-6...1e9)),
        Field("latency_us", .number(0...1e9)),
    ]
    static let workload: [Field] = [
        Field("kind", .choice),
        Field("sequences_per_batch", .integer(sequences)),
        Field("sequence_lengths", .integers(sequenceLength, countMax: 1000)),
        Field("length_weights", .numbers(positive, countMax: 1000)),
        Field("precision", .choice),
        Field("optimizer", .choice),
        Field("optimizer_precision", .choice),
    ]
    static let plan: [Field] =
        [
            Field("pipeline_parallel", .integer(ranks)),
            Field("data_parallel", .integer(ranks)),
            Field("context_parallel", .integer(ranks)),
            Field("tensor_parallel", .integer(ranks)),
            Field("expert_parallel", .integer(ranks)),
            Field("expert_tensor_parallel", .integer(ranks)),
            Field("schedule", .choice),
            Field("schedule_file", .text),
            Field("chunks_per_rank", .integer(1...1024)),
            Field("zero_stage", .integer(0...3)),
            Field("pipeline_placement", .choice),
            Field("layers_per_stage", .integers(1...1024, countMax: 1024)),
            Field("sequence_parallel", .flag),
            Field("overlap", .flag),
            Field("hierarchical_reduce", .flag),
            Field("by_sequence_length", .sections(countMax: 1000)),
        ] + bucketContents
    static let bucket: [Field] =
        [Field("up_to", .integer(sequenceLength)), Field("tensor_parallel", .integer(ranks))]
        + bucketContents
    /// The keys of a bucket that may stand in the plan itself where it has no buckets.
    private static let bucketContents: [Field] = [
        Field("micro_batches", .integer(1...65_536)),
        Field("sequences_per_data_rank", .integer(sequences)),
        Field("recompute", .choice),
    ]
    static let routing: [Field] = [
        Field("gate", .choice),
        Field("noise_std", .number(0...1e6)),
        Field("capacity", .choice),
        Field("capacity_factor", .number(1e-6...1e6)),
        Field("overflow", .choice),
        Field("balance_loss", .number(0...1e6)),
        Field("imbalance", .number(1...1024)),
    ]
    static let claim: [Field] = [
        Field("id", .text),
        Field("quantity", .text),
        Field("value", .number(-1e30...1e30)),
        Field("at", .integer(sequenceLength)),
        Field("formula", .text),
        Field("terms", .text),
    ]
    static let run: [Field] = [
        Field("seed", .integer(seed)),
        Field("steps", .integer(steps)),
        Field("learning_rate", .number(learningRate)),
        Field("warmup_steps", .integer(0...1_000_000_000)),
        Field("weight_decay", .number(0...1e6)),
        Field("gradient_clip", .number(0...1e12)),
        Field("precision", .choice),
        Field("tokenizer", .choice),
        Field("sequence_length", .integer(sequenceLength)),
        Field("sequence_lengths", .integers(sequenceLength, countMax: 1000)),
        Field("length_weights", .numbers(positive, countMax: 1000)),
        Field("sequences_per_step", .integer(sequences)),
        Field("routing", .choice),
    ]
}
