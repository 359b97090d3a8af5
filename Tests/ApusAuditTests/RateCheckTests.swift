import ApusAudit
import ApusBase
import Testing

@Suite("Checks of claimed rates against each other")
struct RateCheckTests {
    private let flops = "id: flops, quantity: flops_per_token, value: 18e9, at: 16"

    private func problems(_ claims: [String]) throws -> [String] {
        try AuditFile.report(claims: claims).problems.map(\.problem)
    }

    @Test("throughput beyond the ceiling of the claimed FLOPs is found")
    func findsBeyondCeiling() throws {
        // 989 TFLOP/s ÷ 18 GFLOP = 54.9 tokens/ms.
        func rate(_ value: Int) -> String {
            "id: rate, quantity: tokens_per_ms_per_gpu, value: \(value), at: 16"
        }
        #expect(try problems([flops, rate(50)]) == [])
        #expect(
            try problems([flops, rate(110)]) == [
                "110 tokens/ms exceed the claims' own ceiling of 54.9 tokens/ms 2.00 times"
            ])
    }

    @Test("a claimed ceiling in tokens per second is taken for what it means")
    func readsCeilingPerSecond() throws {
        let ceiling = "id: top, quantity: tokens_per_ms_per_gpu.ceiling, value: 30000, at: 16"
        let rate = "id: rate, quantity: tokens_per_ms_per_gpu, value: 45, at: 16"
        #expect(
            try problems([flops, ceiling, rate]) == [
                "45 tokens/ms exceed the claims' own ceiling of 30.0 tokens/ms 1.50 times"
            ])
        // A ceiling that the GPU reaches is no slip of units: 989 TFLOP/s allow 54.9.
        let possible = "id: top, quantity: tokens_per_ms_per_gpu.ceiling, value: 54, at: 16"
        #expect(try problems([flops, possible, rate]) == [])
    }

    @Test("a time to the first token that the claimed rate contradicts is found")
    func findsFirstToken() throws {
        let rate = "id: rate, quantity: tokens_per_ms_per_gpu, value: 16, at: 16"
        func first(_ seconds: Double) -> String {
            "id: first, quantity: ttft_s, value: \(seconds), at: 16"
        }
        #expect(try problems([rate, first(0.009)]) == [])
        #expect(
            try problems([rate, first(2)]) == [
                "a first token after 2 s and 16 tokens/ms on a GPU cannot both be true: one GPU "
                    + "passes 16 tokens in 1.00 ms at that rate"
            ])
    }

    @Test("one bubble for different micro-batches, and utilization beside it, are found")
    func findsBubbles() throws {
        let buckets =
            AuditFile.pipelined + [
                ("sequence_lengths: [16]", "sequence_lengths: [16, 32]"),
                (
                    "  micro_batches: 2\n  sequences_per_data_rank: 2",
                    """
                      by_sequence_length:
                        - { up_to: 16, micro_batches: 4, sequences_per_data_rank: 4 }
                        - { up_to: 32, micro_batches: 1, sequences_per_data_rank: 4 }
                    """
                ),
            ]
        func problems(_ claims: [String]) throws -> [String] {
            try AuditFile.report(replacing: buckets, claims: claims).problems
                .filter { $0.code == .claimsDisagree }.map(\.problem)
        }
        func bubble(_ length: Int, _ value: String) -> String {
            "id: b\(length), quantity: pipeline_bubble, value: \(value), at: \(length)"
        }
        #expect(try problems([bubble(16, "0.2"), bubble(32, "0.5")]) == [])
        #expect(
            try problems([bubble(16, "[0.1, 0.2]"), bubble(32, "[0.1, 0.2]")]) == [
                "one bubble is claimed for 2 sequence lengths, whose micro-batches make it 20.0 % "
                    + "to 50.0 %"
            ])
        let used = "id: u, quantity: gpu_utilization, value: 0.95, at: 16"
        #expect(
            try problems([bubble(16, "[0.1, 0.2]"), used]) == [
                "a utilization of 95.0 % leaves no room for the claimed bubble, which leaves at "
                    + "most 90.0 %"
            ])
        let modest = "id: u, quantity: gpu_utilization, value: 0.75, at: 16"
        #expect(try problems([bubble(16, "[0.1, 0.2]"), modest]) == [])
    }

    @Test("throughput that does not fall with the length as its FLOPs grow is found")
    func findsTrend() throws {
        let lengths = [
            ("sequence_lengths: [16]", "sequence_lengths: [16, 65536]"),
            ("  micro_batches: 2\n", "  micro_batches: 2\n  recompute: full\n"),
        ]
        func problems(_ long: Int) throws -> [String] {
            try AuditFile.report(
                replacing: lengths,
                claims: [
                    "id: short, quantity: tokens_per_ms_per_gpu, value: 100, at: 16",
                    "id: long, quantity: tokens_per_ms_per_gpu, value: \(long), at: 65536",
                ]
            ).problems.filter { $0.code == .claimsDisagree }.map(\.problem)
        }
        #expect(try problems(1) == [])
        #expect(try problems(110) == [])
        let found = try problems(95)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("throughput that falls only from 100 to 95") == true)
    }
}
