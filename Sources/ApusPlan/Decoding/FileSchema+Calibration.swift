/// The keys of what was measured on a cluster.
extension FileSchema {
    /// Microseconds; the least is less than any clock tells, the most a week.
    static let microseconds = 1e-6...6.1e11
    private static let size = 1...1_099_511_627_776
    private static let extent = 1...16_777_216
    private static let spread = 0...1000.0

    static let calibration: [Field] = [
        Field("sources", .sections(countMax: 64)),
        Field("operation_us", .number(microseconds)),
        Field("products", .sections(countMax: 1000)),
        Field("attention", .sections(countMax: 500)),
        Field("kernels", .sections(countMax: 500)),
        Field("island_model", .section), Field("islands", .sections(countMax: 1000)),
        Field("copies", .sections(countMax: 100)),
        Field("collectives", .sections(countMax: 1000)),
        Field("busy_cores", .sections(countMax: 100)),
    ]
    static let calibrationSource: [Field] = [
        Field("kind", .text), Field("file", .text), Field("machine", .text), Field("date", .text),
        Field("command", .text), Field("versions", .text),
        Field("repetitions", .integer(1...1_000_000_000)),
        Field("lines", .integer(0...1_000_000_000)),
        Field("used", .text), Field("skipped", .text),
    ]
    static let calibrationProduct: [Field] = [
        Field("m", .integer(extent)), Field("n", .integer(extent)), Field("k", .integer(extent)),
        Field("groups", .integer(1...65_536)), Field("type", .choice),
        Field("time_us", .number(microseconds)), Field("spread", .number(spread)),
    ]
    static let calibrationAttention: [Field] = [
        Field("sequences", .integer(sequences)), Field("length", .integer(sequenceLength)),
        Field("heads", .integer(1...65_536)), Field("head_dim", .integer(1...65_536)),
        Field("pass", .choice), Field("type", .choice),
        Field("time_us", .number(microseconds)), Field("spread", .number(spread)),
    ]
    static let calibrationKernel: [Field] = [
        Field("kind", .choice), Field("pass", .choice), Field("numbers", .integer(size)),
        Field("time_us", .number(microseconds)), Field("spread", .number(spread)),
    ]
    static let calibrationIslandModel: [Field] =
        [
            "hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim",
            "num_local_experts", "num_experts_per_tok", "intermediate_size", "vocab_size",
        ].map { Field($0, .integer(extent)) } + [Field("type", .choice)]
    static let calibrationIsland: [Field] = [
        Field("kind", .choice), Field("pass", .choice), Field("sequences", .integer(sequences)),
        Field("length", .integer(sequenceLength)), Field("experts", .integer(1...65_536)),
        Field("time_us", .number(microseconds)), Field("spread", .number(spread)),
    ]
    static let calibrationCopy: [Field] = [
        Field("bytes", .integer(size)), Field("time_us", .number(microseconds)),
        Field("spread", .number(spread)),
    ]
    static let calibrationCollective: [Field] = [
        Field("collective", .choice), Field("ranks", .integer(2...65_536)),
        Field("bytes", .integer(size)), Field("time_us", .number(microseconds)),
        Field("busy_us", .number(0...microseconds.upperBound)), Field("spread", .number(spread)),
    ]
    static let calibrationBusyCores: [Field] = [
        Field("cores", .integer(2...65_536)), Field("slowdown", .number(0.01...1e6)),
    ]
}
