import ApusCost
import ApusPlan

/// Measured times of single kernels and collectives, to hold the curves against.
///
/// Source: ai-dynamo/aiconfigurator@095f58a, `systems/data`, Copyright NVIDIA CORPORATION &
/// AFFILIATES, Apache-2.0. A sample by position: every 200th product of 1 GFLOP or more per GPU and
/// type, every 60th attention per GPU, up to three collectives of 64 KiB or more per GPU and kind.
enum KernelFixtures {
    struct Product {
        let gpu: String
        let precision: Precision
        let m: Int
        let n: Int
        let k: Int
        let microseconds: Double
    }

    struct Attention {
        let gpu: String
        let sequences: Int
        let length: Int
        let heads: Int
        let keyValueHeads: Int
        let microseconds: Double
    }

    struct Exchange {
        let gpu: String
        let collective: Collective
        let ranks: Int
        let bytes: Double
        let microseconds: Double
    }

    static let products: [Product] = [
        p("a100-80gb", .bf16, 513, 2560, 65536, 869),
        p("a100-80gb", .bf16, 1281, 512, 4096, 35.4),
        p("a100-80gb", .bf16, 2304, 2560, 12288, 611.5),
        p("a100-80gb", .bf16, 4352, 3584, 1024, 150.8),
        p("a100-80gb", .bf16, 257, 2048, 8192, 64.1),
        p("a100-80gb", .bf16, 161, 12288, 12288, 302.1),
        p("b200", .bf16, 192, 51200, 8192, 172),
        p("b200", .bf16, 2304, 256, 65536, 75.8),
        p("b200", .bf16, 2817, 768, 10240, 34.6),
        p("b200", .bf16, 128, 3072, 10240, 20.9),
        p("b200", .bf16, 1280, 768, 7168, 16.1),
        p("b200", .bf16, 3584, 7168, 768, 28.3),
        p("b200", .fp8, 224, 3584, 5120, 12.4),
        p("b200", .fp8, 1792, 512, 5120, 20.3),
        p("b200", .fp8, 193, 1024, 65536, 65.1),
        p("b200", .fp8, 3585, 512, 2048, 14.1),
        p("b200", .fp8, 224, 512, 12288, 16.2),
        p("b200", .fp8, 1793, 12288, 10240, 254.8),
        p("h100-sxm", .bf16, 1537, 3584, 2560, 39.7),
        p("h100-sxm", .bf16, 4352, 4096, 6144, 329.6),
        p("h100-sxm", .bf16, 2561, 512, 3584, 20.2),
        p("h100-sxm", .bf16, 2049, 6144, 768, 34.2),
        p("h100-sxm", .bf16, 3072, 3072, 7168, 169.9),
        p("h100-sxm", .bf16, 4353, 65536, 16384, 13546),
        p("h100-sxm", .fp8, 1280, 12288, 1536, 46.7),
        p("h100-sxm", .fp8, 2817, 512, 7168, 60.5),
        p("h100-sxm", .fp8, 8192, 4096, 16384, 1020),
        p("h100-sxm", .fp8, 257, 8192, 51200, 453.7),
        p("h100-sxm", .fp8, 8192, 3584, 2048, 122.9),
        p("h100-sxm", .fp8, 513, 1024, 8192, 30.9),
        p("h200-sxm", .bf16, 160, 7168, 3072, 16.4),
        p("h200-sxm", .bf16, 2304, 10240, 8192, 505.6),
        p("h200-sxm", .bf16, 1792, 3584, 5120, 89.6),
        p("h200-sxm", .bf16, 3585, 768, 1536, 15.5),
        p("h200-sxm", .bf16, 1025, 512, 4096, 11.5),
        p("h200-sxm", .bf16, 3073, 1536, 256, 7.6),
        p("h200-sxm", .fp8, 1280, 12288, 1536, 50.1),
        p("h200-sxm", .fp8, 4097, 2048, 256, 15.9),
        p("h200-sxm", .fp8, 3840, 2048, 1536, 30.6),
        p("h200-sxm", .fp8, 224, 3072, 8192, 28.2),
        p("h200-sxm", .fp8, 129, 512, 65536, 167.9),
        p("h200-sxm", .fp8, 3840, 1536, 10240, 134.4),
        p("l40s", .bf16, 2048, 2048, 12288, 446.4),
        p("l40s", .bf16, 4097, 3072, 8192, 963.1),
        p("l40s", .bf16, 3328, 5120, 12288, 2231),
        p("l40s", .bf16, 8192, 2048, 256, 61.8),
        p("l40s", .bf16, 1792, 8192, 2048, 291),
        p("l40s", .bf16, 2304, 12288, 5120, 1446),
        p("l40s", .fp8, 193, 2048, 1536, 9.8),
        p("l40s", .fp8, 3329, 16384, 1024, 370.9),
        p("l40s", .fp8, 224, 3584, 3072, 21.4),
        p("l40s", .fp8, 4352, 6144, 1536, 264.5),
        p("l40s", .fp8, 193, 1536, 2048, 12.8),
        p("l40s", .fp8, 2817, 2560, 768, 41.8),
    ]

    static let attentions: [Attention] = [
        a("a100-80gb", 2, 1024, 40, 1, 161.7),
        a("a100-80gb", 1, 2048, 8, 4, 126.2),
        a("a100-80gb", 8, 16384, 16, 2, 42337),
        a("a100-80gb", 128, 512, 32, 1, 1803),
        a("a100-80gb", 16, 4096, 12, 1, 4161),
        a("a100-80gb", 32, 256, 4, 2, 49.2),
        a("a100-80gb", 1, 256, 4, 1, 21.9),
        a("a100-80gb", 16, 1024, 16, 8, 502.7),
        a("a100-80gb", 64, 512, 40, 1, 1194),
        a("a100-80gb", 8, 8192, 40, 4, 27426),
        a("b200", 64, 1024, 96, 96, 3319),
        a("b200", 8, 1536, 96, 1, 588.8),
        a("b200", 4, 3072, 16, 1, 200.5),
        a("b200", 2, 2048, 24, 4, 79.2),
        a("b200", 64, 256, 48, 4, 178),
        a("b200", 4, 2048, 32, 32, 191.6),
        a("b200", 1, 1536, 96, 2, 88.8),
        a("b200", 1, 1536, 32, 8, 43),
        a("h100-sxm", 1, 2048, 8, 1, 37),
        a("h100-sxm", 2, 8192, 10, 2, 557.3),
        a("h100-sxm", 1, 4096, 32, 2, 294),
        a("h100-sxm", 4, 3072, 1, 1, 51.5),
        a("h100-sxm", 2, 12288, 1, 1, 176),
        a("h100-sxm", 4, 512, 96, 96, 178.6),
        a("h100-sxm", 2, 512, 48, 8, 33.3),
        a("h100-sxm", 64, 2048, 96, 2, 14114),
        a("h100-sxm", 4, 8192, 48, 48, 6275),
        a("h200-sxm", 1, 2048, 8, 1, 36.8),
        a("h200-sxm", 1, 8192, 10, 2, 324.3),
        a("h200-sxm", 1, 4096, 32, 2, 338.7),
        a("h200-sxm", 2, 3072, 1, 1, 30.7),
        a("h200-sxm", 2, 12288, 1, 1, 173.5),
        a("h200-sxm", 128, 512, 96, 96, 4347),
        a("h200-sxm", 8, 512, 48, 8, 107.1),
        a("h200-sxm", 1, 1536, 96, 2, 139.1),
        a("h200-sxm", 2, 8192, 48, 48, 3440),
        a("l40s", 64, 1024, 2, 1, 251.5),
        a("l40s", 4, 3072, 48, 8, 2335),
        a("l40s", 1, 12288, 4, 4, 957.5),
        a("l40s", 16, 256, 48, 48, 637.6),
        a("l40s", 16, 3072, 96, 2, 19450),
        a("l40s", 1, 1536, 10, 2, 88.4),
        a("l40s", 16, 6144, 3, 1, 2308),
        a("l40s", 8, 10240, 64, 4, 70077),
        a("l40s", 1, 3072, 32, 8, 478.8),
    ]

    static let exchanges: [Exchange] = [
        e("a100-80gb", .allGather, 2, 524288, 15.61),
        e("a100-80gb", .allGather, 4, 524288, 18.61),
        e("a100-80gb", .allGather, 8, 524288, 21.93),
        e("a100-80gb", .allToAll, 2, 524288, 17.24),
        e("a100-80gb", .allToAll, 4, 524288, 18.6),
        e("a100-80gb", .allToAll, 8, 524288, 18.98),
        e("a100-80gb", .reduceScatter, 2, 524288, 15.23),
        e("a100-80gb", .reduceScatter, 4, 524288, 16.89),
        e("a100-80gb", .reduceScatter, 8, 524288, 19.08),
        e("a100-80gb", .allReduce, 2, 524288, 19.37),
        e("a100-80gb", .allReduce, 4, 524288, 22.93),
        e("a100-80gb", .allReduce, 8, 524288, 30.08),
        e("h100-sxm", .allGather, 2, 524288, 8.34),
        e("h100-sxm", .allGather, 8, 524288, 13.64),
        e("h100-sxm", .allGather, 4, 524288, 10.76),
        e("h100-sxm", .allToAll, 2, 524288, 14.49),
        e("h100-sxm", .allToAll, 8, 524288, 14.96),
        e("h100-sxm", .allToAll, 4, 524288, 14.8),
        e("h100-sxm", .reduceScatter, 2, 524288, 8.34),
        e("h100-sxm", .reduceScatter, 8, 524288, 12.4),
        e("h100-sxm", .reduceScatter, 4, 524288, 10.06),
        e("h100-sxm", .allReduce, 2, 524288, 10.7),
        e("h100-sxm", .allReduce, 8, 524288, 19.51),
        e("h100-sxm", .allReduce, 4, 524288, 15.01),
        e("h200-sxm", .allGather, 2, 524288, 8.25),
        e("h200-sxm", .allGather, 8, 524288, 13.4),
        e("h200-sxm", .allGather, 4, 524288, 10.64),
        e("h200-sxm", .allToAll, 2, 524288, 13.61),
        e("h200-sxm", .allToAll, 8, 524288, 15.69),
        e("h200-sxm", .allToAll, 4, 524288, 13.52),
        e("h200-sxm", .reduceScatter, 2, 524288, 8.2),
        e("h200-sxm", .reduceScatter, 8, 524288, 12.19),
        e("h200-sxm", .reduceScatter, 4, 524288, 9.68),
        e("h200-sxm", .allReduce, 2, 524288, 10.31),
        e("h200-sxm", .allReduce, 8, 524288, 19.24),
        e("h200-sxm", .allReduce, 4, 524288, 14.43),
        e("b200", .allGather, 2, 524288, 10.82),
        e("b200", .allGather, 2, 524288, 10.71),
        e("b200", .allGather, 2, 524288, 10.81),
        e("b200", .allToAll, 2, 524288, 16.22),
        e("b200", .allToAll, 2, 524288, 16.98),
        e("b200", .allToAll, 2, 524288, 16.08),
        e("b200", .reduceScatter, 2, 524288, 10.59),
        e("b200", .reduceScatter, 2, 524288, 10.63),
        e("b200", .reduceScatter, 2, 524288, 10.11),
        e("b200", .allReduce, 2, 524288, 12.06),
        e("b200", .allReduce, 2, 524288, 12.55),
        e("b200", .allReduce, 2, 524288, 12.12),
        e("gb200", .allGather, 2, 524288, 11.33),
        e("gb200", .allGather, 4, 8388608, 51.78),
        e("gb200", .allGather, 2, 134217728, 167.3),
        e("gb200", .allToAll, 2, 524288, 17.15),
        e("gb200", .allToAll, 4, 8388608, 30.09),
        e("gb200", .allToAll, 2, 134217728, 216.4),
        e("gb200", .reduceScatter, 2, 524288, 10.92),
        e("gb200", .reduceScatter, 4, 2097152, 17.37),
        e("gb200", .reduceScatter, 2, 8388608, 27.59),
        e("gb200", .allReduce, 2, 524288, 12.55),
        e("gb200", .allReduce, 4, 524288, 17.65),
        e("gb200", .allReduce, 2, 524288, 12.47),
        e("l40s", .allGather, 2, 524288, 35.37),
        e("l40s", .allGather, 4, 524288, 98.57),
        e("l40s", .allGather, 8, 524288, 619.8),
        e("l40s", .allToAll, 2, 524288, 27.16),
        e("l40s", .allToAll, 4, 524288, 99.4),
        e("l40s", .allToAll, 8, 524288, 504.5),
        e("l40s", .reduceScatter, 2, 524288, 33.88),
        e("l40s", .reduceScatter, 4, 524288, 108.7),
        e("l40s", .reduceScatter, 8, 524288, 629.6),
        e("l40s", .allReduce, 2, 524288, 50.02),
        e("l40s", .allReduce, 4, 524288, 163),
        e("l40s", .allReduce, 8, 524288, 502.6),
    ]

    private static func p(
        _ gpu: String, _ precision: Precision, _ m: Int, _ n: Int, _ k: Int, _ time: Double
    ) -> Product {
        Product(gpu: gpu, precision: precision, m: m, n: n, k: k, microseconds: time)
    }

    private static func a(
        _ gpu: String, _ sequences: Int, _ length: Int, _ heads: Int, _ keyValueHeads: Int,
        _ time: Double
    ) -> Attention {
        Attention(
            gpu: gpu, sequences: sequences, length: length, heads: heads,
            keyValueHeads: keyValueHeads, microseconds: time)
    }

    private static func e(
        _ gpu: String, _ collective: Collective, _ ranks: Int, _ bytes: Double, _ time: Double
    ) -> Exchange {
        Exchange(
            gpu: gpu, collective: collective, ranks: ranks, bytes: bytes, microseconds: time)
    }
}
