import ApusAudit
import ApusPlan
import Testing

@Suite("The strategy document's claims")
struct StrategyVerdictTests {
    /// What a claim must get: the verdict, and what is computed, within a share or a range.
    private struct Expected {
        var verdict: ClaimVerdict.Verdict
        var computed: ClosedRange<Double>?

        init(_ verdict: ClaimVerdict.Verdict, _ computed: Double? = nil) {
            self.verdict = verdict
            let slack = 1e-9
            self.computed = computed.map { ($0 * (1 - slack))...($0 * (1 + slack)) }
        }

        init(_ verdict: ClaimVerdict.Verdict, in range: ClosedRange<Double>) {
            self.verdict = verdict
            computed = range
        }
    }

    /// Exact values are worked out by hand from the model section and the plan; ranges are what the
    /// cost model may say without the verdict changing.
    private static let expected: [(String, Expected)] = [
        ("parameters-total", Expected(.wrong, 435_962_368)),
        ("parameters-attention", Expected(.wrong, 16_777_216)),
        ("parameters-experts", Expected(.wrong, 402_653_184)),
        ("gpus-required", Expected(.holds, 16)),
        ("experts-per-gpu", Expected(.wrong, 4)),
        ("modules", Expected(.wrong, 256)),
        ("expert-degree-launch", Expected(.wrong, 4)),
        ("data-degree-long", Expected(.wrong, 2)),
        ("sequences-long", Expected(.wrong, 32)),
        // 45 781 504 weights of stage 3: 4 layers with 4 experts each, the head and a norm.
        ("memory-parameters", Expected(.wrong, 45_781_504 * 2 / 1e9)),
        ("memory-optimizer", Expected(.wrong, 12 * (20_615_680 / 4 + 25_165_824) / 1e9)),
        ("memory-gradients", Expected(.wrong, 45_781_504 * 4 / 1e9)),
        ("memory-activations-128", Expected(.wrong, in: 0.02...0.5)),
        ("memory-activations-1024", Expected(.wrong, in: 0.5...5)),
        ("memory-activations-4096", Expected(.wrong, in: 0.1...5)),
        ("memory-activations-10240", Expected(.wrong, in: 0.3...20)),
        ("memory-total-1024", Expected(.wrong, in: 1.5...10)),
        ("memory-fits-4096", Expected(.wrong)),
        ("checkpointing-saves", Expected(.wrong, in: 0.85...1)),
        ("flops-attention", Expected(.wrong, 50_331_648)),
        ("flops-experts", Expected(.wrong, 100_663_296)),
        ("flops-total", Expected(.wrong, 184_025_088)),
        ("throughput-ceiling", Expected(.wrong, 400e9 / (3 * 184_025_088))),
        ("throughput", Expected(.unverifiable, in: 5...300)),
        ("throughput-128", Expected(.unverifiable, in: 1...150)),
        ("throughput-1024", Expected(.unverifiable, in: 5...300)),
        ("throughput-4096", Expected(.unverifiable, in: 10...200)),
        ("throughput-10240", Expected(.unverifiable, in: 10...150)),
        ("ttft-128", Expected(.unverifiable, in: 1e-4...0.2)),
        ("ttft-1024", Expected(.unverifiable, in: 1e-4...0.2)),
        ("ttft-4096", Expected(.unverifiable, in: 1e-3...0.2)),
        ("ttft-10240", Expected(.unverifiable, in: 1e-3...0.2)),
        ("utilization-128", Expected(.wrong, in: 0...(16.0 / 19))),
        ("utilization-1024", Expected(.wrong, in: 0...(8.0 / 11))),
        ("utilization-4096", Expected(.wrong, in: 0...(4.0 / 7))),
        ("utilization-10240", Expected(.wrong, in: 0...(2.0 / 5))),
        ("bubble-128", Expected(.holds, 3.0 / 19)),
        ("bubble-1024", Expected(.wrong, 3.0 / 11)),
        ("bubble-4096", Expected(.wrong, 3.0 / 7)),
        ("bubble-10240", Expected(.wrong, 3.0 / 5)),
        ("all-to-all-volume", Expected(.wrong, 128 * 1024 * 2 * 512 * 2 * 4)),
        ("p2p-volume", Expected(.wrong, 4 * 1024 * 512 * 2)),
        // The dense weights of stage 3; no two ranks hold the same experts.
        ("all-reduce-volume", Expected(.wrong, 20_615_680 * 4)),
        ("pair-bandwidth", Expected(.wrong, 300)),
        ("communication-share", Expected(.unverifiable, in: 0...0.5)),
        ("capacity-keeps-all", Expected(.wrong, 0.75)),
        ("load-cv", Expected(.unverifiable, in: 0...0.08)),
        ("stage-variance", Expected(.unverifiable, in: 0...0.5)),
        ("launch", Expected(.wrong)),
    ]

    @Test("each of the 49 gets its verdict and its value, with or without its arithmetic")
    func judgesClaims() throws {
        for report in [try StrategyFile.report(), try StrategyFile.reportWithoutFormulas()] {
            #expect(report.claims.map(\.claim.id) == Self.expected.map(\.0))
            for (verdict, (id, expected)) in zip(report.claims, Self.expected) {
                #expect(verdict.verdict == expected.verdict, "\(id)")
                guard let range = expected.computed else { continue }
                guard case .number(let computed) = verdict.computed else {
                    Issue.record("\(id) has no computed number")
                    continue
                }
                #expect(range.contains(computed), "\(id): \(computed)")
            }
            #expect(!report.isClean)
        }
    }

    @Test("each says why and by which source, and each wrong one what would be right")
    func explainsClaims() throws {
        for verdict in try StrategyFile.report().claims {
            #expect(!verdict.why.isEmpty, "\(verdict.claim.id)")
            #expect(!verdict.source.isEmpty, "\(verdict.claim.id)")
            #expect(verdict.repairs.isEmpty == (verdict.verdict != .wrong), "\(verdict.claim.id)")
            #expect(verdict.computed != nil, "\(verdict.claim.id)")
        }
    }

    @Test("the memory that fits and the launch line that works are given")
    func givesOtherKinds() throws {
        let claims = try StrategyFile.report().claims
        let fits = try #require(claims.first { $0.claim.id == "memory-fits-4096" })
        #expect(fits.computed == .truth(true))
        let launch = try #require(claims.last)
        #expect(
            launch.computed
                == .text(
                    "deepspeed --num_gpus=4 --num_nodes=4 --master_addr=node1 --master_port=29500 "
                        + "train.py --pp_size=4 --ep_size=4 --dp_size=4 --sequence_adaptive "
                        + "--activation_checkpointing"))
        #expect(
            launch.repairs.map(\.change) == [
                "`deepspeed --num_gpus=4 --num_nodes=4 --master_addr=node1 --master_port=29500 "
                    + "train.py --pp_size=4 --ep_size=4 --dp_size=4 --sequence_adaptive "
                    + "--activation_checkpointing`",
                "`torchrun --nnodes=4 --nproc-per-node=4 --rdzv-backend=c10d "
                    + "--rdzv-endpoint=node1:29500 train.py --pp_size=4 --ep_size=4 --dp_size=4 "
                    + "--sequence_adaptive --activation_checkpointing`",
            ])
    }

    @Test("the ceiling is given by the document's own numbers too: 13.3 tokens/ms, not 13 300")
    func givesOwnCeiling() throws {
        for report in [try StrategyFile.report(), try StrategyFile.reportWithoutFormulas()] {
            let ceiling = try #require(
                report.claims.first { $0.claim.id == "throughput-ceiling" })
            #expect(ceiling.why.hasSuffix("= 13.3 k tokens/s = 13.3 tokens/ms"))
        }
    }

    @Test("one expert on a GPU is priced: folded on 16 ranks, in wider stages on 64, or 256")
    func pricesExpertDegrees() throws {
        let claims = try StrategyFile.report().claims
        for id in ["experts-per-gpu", "expert-degree-launch"] {
            let repairs = try #require(claims.first { $0.claim.id == id }).repairs
            #expect(repairs.compactMap(\.price?.ranks) == [16, 16, 64, 256], "\(id)")
            #expect(repairs.compactMap(\.fits) == [true, true, true, true], "\(id)")
        }
    }

    @Test("memory at 4096 tokens is priced with recomputation, fewer sequences and tensor 2 alone")
    func pricesMemory() throws {
        let claims = try StrategyFile.report().claims
        let claim = try #require(claims.first { $0.claim.id == "memory-activations-4096" })
        let prices = claim.repairs.compactMap(\.price)
        try #require(prices.count == 5)
        let alone = prices[1...3]
        #expect(alone.allSatisfy { $0.memoryPeakBytes < prices[0].memoryPeakBytes })
        #expect(alone.allSatisfy { $0.memoryPeakBytes > prices[4].memoryPeakBytes })
        // Recomputation costs a pass of forward.
        #expect(prices[1].stepTimeSeconds > 1.1 * prices[0].stepTimeSeconds)
    }
}
