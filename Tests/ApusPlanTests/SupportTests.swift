import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@Suite("Messages about what the runtime does not execute")
struct SupportTests {
    /// What keeps the small file, supported but for this change, from being trained.
    private func messages(replacing old: String, with new: String) throws -> [String] {
        let supported = SmallFile.text.replacing(
            "sequence_lengths: [16]", with: "sequence_lengths: [16]\n  precision: fp32")
        let file = try SmallFile.read(supported.replacing(old, with: new))
        return file.deployment.unsupportedForTraining(at: file.positions).map(\.description)
    }

    @Test("everything in the reference deployment is named by key path")
    func namesEverything() throws {
        let file = try DeploymentFile.stored("Plans/strategy-16gpu.yaml")
        let messages = file.deployment.unsupportedForTraining(at: file.positions)
        #expect(
            messages.map { "\($0.location?.line ?? 0) \($0.path ?? "")" } == [
                "34 workload.precision", "35 workload.optimizer", "44 plan.zero_stage",
                "53 routing.gate", "56 routing.capacity", "58 routing.balance_loss",
            ])
        #expect(
            messages.dropFirst().first?.description == """
                Plans/strategy-16gpu.yaml:35:3: error: `workload.optimizer` is `adam`, which the \
                runtime does not execute yet  [unsupported]
                  expected: `adamw`, whose decay of weights is apart from the gradient
                  hint: `--local` replaces it
                """)
    }

    @Test("slices that cut through a group of query heads are refused")
    func refusesSplitGroups() throws {
        var deployment = try DeploymentFile.stored("Plans/strategy-16gpu.yaml").deployment
        deployment.model.headCount = 12
        deployment.model.keyValueHeadCount = 4
        var plan = try #require(deployment.plan)
        plan.degrees.data = 12
        for (tensor, isExecuted) in [(1, true), (2, true), (4, true), (6, false), (12, true)] {
            plan.buckets[2].tensorParallel = tensor
            deployment.plan = plan
            let path = "plan.by_sequence_length[2].tensor_parallel"
            let isRefused = deployment.unsupportedForTraining().contains { $0.path == path }
            #expect(isRefused == !isExecuted, "tensor \(tensor)")
        }
    }

    @Test("a step that the data ranks cannot share is refused")
    func refusesUnevenSteps() throws {
        #expect(
            try messages(replacing: "plan:", with: "run: { sequences_per_step: 5 }\nplan:") == [
                """
                plans/small.yaml:19:8: error: `run.sequences_per_step` is 5, which 2 data ranks \
                cannot share  [micro-batches]
                  expected: a multiple of 2
                  hint: `--local` replaces it
                """
            ])
        #expect(
            try messages(replacing: "sequences_per_batch: 8", with: "sequences_per_batch: 6") == [
                """
                plans/small.yaml:16:3: error: `workload.sequences_per_batch` is 6: 3 sequences on \
                each data rank do not divide into 2 micro-batches  [micro-batches]
                  expected: a multiple of 4
                  hint: `--local` replaces it
                """
            ])
    }

    @Test("a length without a bucket and too small a vocabulary are refused")
    func refusesLengthAndVocabulary() throws {
        let buckets =
            "by_sequence_length: [{ up_to: 16, micro_batches: 1, sequences_per_data_rank: 1 }]"
        #expect(
            try messages(
                replacing: "micro_batches: 2\n  sequences_per_data_rank: 4",
                with: "\(buckets)\nrun: { sequence_length: 32 }") == [
                    """
                    plans/small.yaml:24:8: error: `run.sequence_length` is 32, \
                    `plan.by_sequence_length` ends at 16  [sequence-length]
                      hint: `--local` replaces it
                    """
                ])
        #expect(
            try messages(replacing: "vocab_size: 512", with: "vocab_size: 255") == [
                """
                plans/small.yaml:10:3: error: `model.vocab_size` is 255, too few for \
                `run.tokenizer` `bytes`  [unsupported]
                  expected: at least 256
                  hint: `--local` replaces it
                """
            ])
    }

    @Test("a model of another family is refused by its type, whatever else it has")
    func refusesOtherFamilies() throws {
        for example in ExamplePlan.all {
            let deployment = try example.read().deployment
            let refused = deployment.unsupportedForTraining().filter {
                $0.path?.hasPrefix("model.") ?? false
            }
            guard deployment.model.family != .mixtral else {
                #expect(refused == [])
                continue
            }
            let name = deployment.model.family.rawValue
            #expect(
                refused.map(\.description) == [
                    """
                    error: `model.model_type` is `\(name)`, which the runtime does not execute yet\
                      [unsupported]
                      expected: `mixtral`
                      hint: planning and simulating know this model
                    """
                ])
        }
    }
}
