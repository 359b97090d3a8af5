import ApusBase
import ApusCost
import ApusPlan
import Testing

@testable import ApusAudit

@Suite("Checks of the plan")
struct PlanCheckTests {
    private let pipelined = AuditFile.pipelined + [("per_data_rank: 2", "per_data_rank: 4")]

    @Test("a sound deployment without claims has no problem, and the audit is clean")
    func findsNothing() throws {
        let report = try AuditFile.report()
        #expect(report.problems.map(\.description) == [])
        #expect(report.claims.isEmpty)
        #expect(report.isClean)
    }

    @Test("a pipeline of a model that one GPU holds is needless, and both plans are priced")
    func findsNeedlessPipeline() throws {
        let deployment = try AuditFile.read(AuditFile.text(replacing: pipelined)).deployment
        let planned = try #require(Alternative(to: deployment, at: 16))
        let flat = try #require(
            Alternative(to: deployment, at: 16) {
                $0.changeDegrees(to: Degrees(data: 4), microBatchSequences: 2)
            })
        #expect(flat.step.plan.degrees == Degrees(data: 4))
        #expect(flat.step.bucket.sequencesPerDataRank == 2 && flat.step.bucket.microBatches == 1)
        #expect(
            try AuditFile.messages(.needlessPipeline, replacing: pipelined) == [
                """
                plans/small.yaml:20:3: warning: `plan.pipeline_parallel` is 2, but the model with \
                its optimizer needs 6.58 MB and fits one `h100-sxm` (80 GB)  [needless-pipeline]
                  411 200 parameters × 16 bytes (weights and gradients in bf16, FP32 master \
                weights, two moments in fp32)
                  at 16 tokens: bubble 33.3 %, \(planned.words); data parallelism 4: no bubble, \
                \(flat.words)
                  hint: `pipeline_parallel: 1` with `data_parallel: 4` has no bubble at all
                """
            ])
    }

    @Test("a pipeline that is faster than data parallelism is noted, and nothing is proposed")
    func notesFasterPipeline() throws {
        let embedding = pipelined + [("vocab_size: 512", "vocab_size: 4000000")]
        let report = try AuditFile.report(replacing: embedding)
        let problem = try #require(report.problems.first { $0.code == .needlessPipeline })
        #expect(problem.severity == .note)
        #expect(problem.hint == nil)
    }

    @Test("a pipeline of a model that no GPU holds whole is needed")
    func acceptsPipeline() throws {
        let large = [
            ("hidden_layers: 4", "hidden_layers: 32"), ("hidden_size: 64", "hidden_size: 8192"),
            ("head_dim: 16", "head_dim: 2048"),
            ("intermediate_size: 96", "intermediate_size: 8192"),
        ]
        #expect(try AuditFile.messages(.needlessPipeline, replacing: pipelined + large) == [])
    }

    @Test("fewer micro-batches than stages are found")
    func findsEmptyPipeline() throws {
        let stages = [
            ("  data_parallel: 4", "  pipeline_parallel: 4"), ("  expert_parallel: 2\n", ""),
            ("per_data_rank: 2", "per_data_rank: 8"),
        ]
        #expect(
            try AuditFile.messages(.pipelineFill, replacing: stages).first?
                .hasPrefix(
                    """
                    plans/small.yaml:21:3: warning: `plan.micro_batches` is 2, fewer than the 4 \
                    stages: 2 of them idle at any time  [pipeline-fill]
                      bubble (p − 1) ÷ (m + p − 1) = 60.0 % for p = 4 stages, m = 2 micro-batches
                      expected: at least 4, better 16 or more
                    """) == true)
        let filled = stages + [("micro_batches: 2", "micro_batches: 4")]
        #expect(try AuditFile.messages(.pipelineFill, replacing: filled) == [])
    }

    @Test("where accumulation extends the flush, the bubble of a whole step is given too")
    func findsFilledByAccumulation() throws {
        let stages = [
            ("  data_parallel: 4", "  pipeline_parallel: 4"), ("  expert_parallel: 2\n", ""),
        ]
        let message = try #require(
            try AuditFile.messages(.pipelineFill, replacing: stages).first)
        #expect(
            message.hasPrefix(
                """
                plans/small.yaml:21:3: warning: `plan.micro_batches` is 2, fewer than the 4 \
                stages: 2 of them idle at any time without accumulation  [pipeline-fill]
                  bubble (p − 1) ÷ (m + p − 1) = 60.0 % for p = 4 stages, m = 2 micro-batches
                  a step takes 4 times these sequences in one flush of 8 micro-batches: bubble \
                27.3 %
                """))
    }

    @Test("micro-batches that fill the pipeline are proposed only where they are faster")
    func proposesFaster() throws {
        let problems = try StrategyFile.report().problems.filter { $0.code == .pipelineFill }
        let hint = problems.first?.hint ?? ""
        let deployment = try StrategyFile.read().deployment
        let planned = try #require(Alternative(to: deployment, at: 10_240))
        for batches in [4, 8] {
            let option = try #require(
                Alternative(to: deployment, at: 10_240) {
                    $0.changeBucket(forLength: 10_240) { $0.microBatches = batches }
                })
            let isFaster = option.prediction.stepTime < planned.prediction.stepTime
            #expect(!hint.contains("`micro_batches: \(batches)`") || isFaster)
        }
    }

    @Test("a flush that does not divide the batch is found, one that is accumulated is noted")
    func comparesBatch() throws {
        let uneven = [
            ("per_data_rank: 2", "per_data_rank: 3"), ("micro_batches: 2", "micro_batches: 1"),
        ]
        #expect(
            try AuditFile.messages(.batchDivision, replacing: uneven) == [
                """
                plans/small.yaml:23:3: warning: 1 flush of 12 sequences makes a batch of 12, \
                `workload.sequences_per_batch` is 8  [batch-division]
                  3 sequences of a data rank × 4 batch replicas (data 4 × tensor 1 ÷ tensor 1) = \
                12 in one flush
                  expected: `sequences_per_data_rank` that divides 2
                """
            ])
        let accumulated = [
            ("per_data_rank: 2", "per_data_rank: 1"), ("micro_batches: 2", "micro_batches: 1"),
        ]
        let notes = try AuditFile.report(replacing: accumulated).problems
        #expect(notes.map(\.severity) == [.note])
        #expect(
            notes.map(\.problem) == [
                "a flush holds 4 sequences of the batch's 8: a step takes 2 of them"
            ])
        let impossible = [("sequences_per_batch: 8", "sequences_per_batch: 7")]
        let problems = try AuditFile.report(replacing: impossible).problems
        #expect(
            problems.map(\.expected) == ["`workload.sequences_per_batch` as a multiple of 4"])
    }

    @Test("a stage with a heavy head is found, and the layers proposed are faster")
    func findsUnevenStages() throws {
        let heavy =
            pipelined + [
                ("vocab_size: 512", "vocab_size: 400000"),
                ("sequence_lengths: [16]", "sequence_lengths: [4096]"),
            ]
        let file = try AuditFile.read(AuditFile.text(replacing: heavy))
        let planned = try #require(Alternative(to: file.deployment, at: 4096))
        let times = planned.prediction.stages.map { $0.forward + $0.backward }
        let ratio = 2 * times[1].count / (times[0] + times[1]).count
        #expect(
            try AuditFile.messages(.stageBalance, replacing: heavy).first?
                .hasPrefix(
                    """
                    plans/small.yaml:19:1: warning: stage 1 computes \(significant(ratio)) times \
                    as long as the mean of the stages at 4096 tokens  [stage-balance]
                      stages compute \(times[0]), \(times[1]) on a micro-batch
                    """) == true)
        #expect(try AuditFile.messages(.stageBalance, replacing: pipelined) == [])
        let problem = try #require(
            try StrategyFile.report().problems.first { $0.code == .stageBalance })
        let length = try #require(problem.problem.firstMatch(of: /at (\d+) tokens/)?.output.1)
        let layers = try #require(
            problem.hint?.firstMatch(of: /\[(\d), (\d), (\d), (\d)\]/)?.output)
        let list = [layers.1, layers.2, layers.3, layers.4].compactMap { Int($0) }
        let deployment = try StrategyFile.read().deployment
        let at = try #require(Int(length))
        let before = try #require(Alternative(to: deployment, at: at))
        let after = try #require(
            Alternative(to: deployment, at: at) { $0.plan?.layersPerStage = list })
        #expect(after.prediction.stepTime < before.prediction.stepTime)
    }

    @Test("a rank that does not fit its GPU is an error, with the fastest change that fits")
    func findsTooMuchMemory() throws {
        let small = [
            ("gpu: h100-sxm", "gpu: { name: h100-sxm, memory_gb: 1 }"),
            ("sequence_lengths: [16]", "sequence_lengths: [65536]"),
        ]
        let deployment = try AuditFile.read(AuditFile.text(replacing: small)).deployment
        let planned = try #require(Alternative(to: deployment, at: 65_536))
        let memory = try #require(planned.prediction.memory.first)
        #expect(
            try AuditFile.messages(.memory, replacing: small).first?
                .hasPrefix(
                    """
                    plans/small.yaml:19:1: error: a rank of stage 0 needs \(memory.total) at 65536 \
                    tokens, `h100-sxm` has 1 GB  [memory]
                      \(memory.words)
                    """) == true)
        #expect(try AuditFile.messages(.memory) == [])
        let roomy = [
            ("gpu: h100-sxm", "gpu: { name: h100-sxm, memory_gb: 2 }"),
            ("sequence_lengths: [16]", "sequence_lengths: [65536]"),
        ]
        let problem = try AuditFile.report(replacing: roomy).problems.first { $0.code == .memory }
        #expect(problem?.hint?.contains("of 2 GB") == true)
    }

    @Test(
        "a plan that does not multiply up is a problem of the audit, and claims about it stay open")
    func reportsUnsoundPlan() throws {
        let wide = [("  data_parallel: 4", "  data_parallel: 8")]
        let report = try AuditFile.report(
            replacing: wide,
            claims: [
                "id: bubble, quantity: pipeline_bubble, value: 0",
                "id: total, quantity: parameters, value: 411200",
            ])
        #expect(
            report.problems.map(\.description) == [
                """
                plans/small.yaml:19:1: error: `plan` needs 8 ranks, `cluster` has 4  [world-size]
                  pipeline 1 × data 8 = 8; nodes 2 × gpus 2 = 4   (expert 2 lies within data)
                  hint: `data_parallel: 4` uses all 4 ranks
                """
            ])
        #expect(report.claims.map(\.verdict) == [.unverifiable, .holds])
        #expect(report.claims[0].why == "the deployment has no usable `plan`")
        #expect(!report.isClean)
    }

    @Test("a deployment without a plan is told so, and what needs none is computed")
    func notesMissingPlan() throws {
        let text = AuditFile.text(claims: ["id: total, quantity: parameters, value: 411200"])
        let parts = text.split(separator: "plan:\n")
        let claims = try #require(parts.last?.split(separator: "claims:\n").last)
        let file = try AuditFile.read("\(parts[0])claims:\n\(claims)")
        let report = Audit(of: file.deployment, at: file.positions, knowing: file.notes).report()
        #expect(report.problems.map(\.code) == [.planMissing])
        #expect(report.claims.map(\.verdict) == [.holds])
        #expect(report.isClean)
    }

    @Test("a file that is unsound elsewhere is not audited")
    func refusesUnsoundModel() {
        #expect(throws: Problems.self) {
            try AuditFile.report(replacing: [("experts_per_tok: 2", "experts_per_tok: 9")])
        }
    }
}
