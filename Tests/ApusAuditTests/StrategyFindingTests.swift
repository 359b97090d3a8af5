import ApusAudit
import ApusBase
import Testing

@Suite("What is wrong with the strategy document beyond its claims")
struct StrategyFindingTests {
    /// A code and words that its message must contain.
    static let findings: [(DiagnosticCode, [String])] = [
        (
            .needlessPipeline,
            ["fits one `generic-400` (64 GB)", "6.98 GB", "data parallelism 16: no bubble"]
        ),
        (.pipelineFill, ["micro_batches` is 2, fewer than the 4 stages"]),
        (.batchDivision, ["a flush holds 32 sequences of the batch's 128"]),
        (.batchDivision, ["a flush holds 16 sequences of the batch's 128"]),
        (.stageBalance, ["stage 3 computes"]),
        (.capacityDrops, ["25.0 % of the assignments have no place even in perfect balance"]),
        (.unfoldedRanks, ["an unfolded pp4·dp4·ep16 needs 256 ranks, the plan has 16"]),
        (.bandwidthSource, ["0.8 × 1800 GB/s ÷ 16 GPUs = 90 GB/s", "expected: 300 GB/s"]),
        (.activationScale, ["1907 bytes per number of [32, 1024, 512]", "31.3 MB × tokens"]),
        (
            .claimsDisagree,
            ["leave no room for FP32 master weights", "4.00 bytes per parameter", "7.50 GB"]
        ),
        (.claimsDisagree, ["64.0 places for 256 expert modules"]),
        (.claimsDisagree, ["they count all 16 experts", "= 2.00 G"]),
        (.claimsDisagree, ["fewer than two for each of the 2.00 G attention parameters"]),
        (.claimsDisagree, ["100 tokens/ms exceed the claims' own ceiling of 13.3", "7.52 times"]),
        (.claimsDisagree, ["falls only from 105 to 95 tokens/ms", "it falls to 18.9"]),
        (.claimsDisagree, ["a first token after 2.1 s and 105 tokens/ms", "cannot both be true"]),
        (.claimsDisagree, ["whose micro-batches make it 15.8 % to 60.0 %"]),
        (.claimsDisagree, ["a utilization of 89.0 % leaves no room for the claimed bubble"]),
        (.launchCommand, ["`deepeed` is no launcher", "did you mean `deepspeed`?"]),
        (.launchCommand, ["the command starts 64 processes, the plan has 16 ranks"]),
        (.launchCommand, ["`--ep_size=16`, `plan.expert_parallel` is 4"]),
        (.launchCommand, ["pipeline 4 × data × tensor 4 × expert 16 = 256 ranks"]),
        (.launchCommand, ["refuses `--num_nodes=4`"]),
    ]

    @Test("every contradiction is found from the plain deployment file")
    func findsContradictions() throws {
        let problems = try StrategyFile.reportWithoutFormulas().problems
        for (code, words) in Self.findings {
            let found = problems.contains { problem in
                problem.code == code && words.allSatisfy { problem.description.contains($0) }
            }
            #expect(found, "\(code): \(words)")
        }
    }

    @Test("no other problem is reported, and each stands where its key does")
    func findsNothingElse() throws {
        let problems = try StrategyFile.reportWithoutFormulas().problems
        #expect(problems.count == Self.findings.count)
        for problem in problems {
            #expect(problem.location?.line != nil, "\(problem)")
            #expect(problem.path != nil, "\(problem)")
        }
    }

    @Test("with the document's arithmetic, its sums are held to account too")
    func checksArithmetic() throws {
        let problems = try StrategyFile.report().problems.filter { $0.code == .claimFormula }
        let texts = problems.map(\.description)
        #expect(problems.count == 7)
        #expect(
            texts.contains {
                $0.contains("add up to 40·element_bytes·B·S·hidden, its formula says 16·")
                    && $0.contains("32 GB, is 59.6 times the formula")
                    && $0.contains("32 GB, is 23.8 times the terms")
            })
        #expect(texts.contains { $0.contains("its own formula gives 13.3 tokens/ms/GPU") })
        #expect(texts.contains { $0.contains("`flops-experts` is 16.0 G FLOPs/token") })
    }
}
