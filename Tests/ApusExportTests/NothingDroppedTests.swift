import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@testable import ApusExport

/// A change of a plan either changes what is written or is told: nothing is dropped silently.
@Suite("Nothing is dropped", .serialized)
struct NothingDroppedTests {
    struct Change: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var apply: @Sendable (inout Deployment, inout Plan) -> Void

        init(
            _ name: String, _ apply: @escaping @Sendable (inout Deployment, inout Plan) -> Void
        ) {
            testDescription = name
            self.apply = apply
        }
    }

    @Test("each value of the plan shows in the files or in the notes", arguments: changes)
    func showsPlan(change: Change) throws {
        try expectDifference(change, targets: [.megatron, .deepspeed, .torchtitan])
    }

    @Test("each value of the routing shows in the files or in the notes", arguments: routingChanges)
    func showsRouting(change: Change) throws {
        try expectDifference(change, targets: [.megatron, .deepspeed, .torchtitan])
    }

    @Test("each value of the model shows in the files or in the notes", arguments: modelChanges)
    func showsModel(change: Change) throws {
        try expectDifference(change, targets: [.megatron, .deepspeed, .torchtitan])
    }

    @Test("what a batch system starts changes with the layout of the ranks")
    func showsRanks() throws {
        let change = Change("nodes") { deployment, plan in
            plan.degrees.data *= 2
            deployment.cluster?.nodeCount *= 2
        }
        try expectDifference(change, targets: [.slurm, .kubernetes])
    }

    private func expectDifference(_ change: Change, targets: [ExportTarget]) throws {
        for target in targets {
            var request = try ExportFixture.request(
                "Tests/Fixtures/Exports/latent-attention.yaml", to: target)
            // Values that leave room for others to be seen.
            request.deployment.model.hasSelectionBias = false
            request.deployment.model.variations = []
            request.deployment.routing = Routing(
                gate: .noisyTopK, noiseStandardDeviation: 0.5, capacity: .perToken,
                capacityFactor: 1.5, overflow: [.reroute], balanceLoss: 0.25)
            request.plan.schedule = .oneForwardOneBackward
            request.plan.chunksPerRank = 1
            request.plan.layersPerStage = nil
            let before = try text(request)
            change.apply(&request.deployment, &request.plan)
            #expect(try text(request) != before, "\(target.rawValue) drops \(change)")
        }
    }

    /// Everything that a user gets to see of an export.
    private func text(_ request: ExportRequest) throws -> String {
        let export = try request.export()
        return export.files.map { $0.name + "\n" + $0.text }.joined()
            + export.notes.map(\.description).joined()
    }

    private static let changes =
        [
            Change("pipeline_parallel") { $1.degrees.pipeline = 1 },
            Change("data_parallel") { $1.degrees.data = 8 },
            Change("context_parallel") { $1.degrees.context = 2 },
            Change("tensor_parallel") {
                $1.degrees.tensor = 4
                $1.buckets[0].tensorParallel = 4
            },
            Change("tensor_parallel of the bucket") { $1.buckets[0].tensorParallel = 4 },
            Change("expert_parallel") { $1.degrees.expert = 2 },
            Change("expert_tensor_parallel") {
                $1.degrees.expert = 4
                $1.degrees.expertTensor = 2
            },
            Change("zero_stage 0") { $1.zeroStage = 0 },
            Change("zero_stage 2") { $1.zeroStage = 2 },
            Change("zero_stage 3") { $1.zeroStage = 3 },
            Change("pipeline_placement") { $1.pipelinePlacement = .innermost },
            Change("layers_per_stage") { $1.layersPerStage = [2, 5] },
            Change("sequence_parallel") { $1.sequenceParallel = false },
            Change("overlap") { $1.overlap = false },
            Change("hierarchical_reduce") { $1.hierarchicalReduce = true },
            Change("micro_batches") { $1.buckets[0].microBatches = 16 },
            Change("sequences_per_data_rank") { $1.buckets[0].sequencesPerDataRank = 64 },
            Change("recompute none") { $1.buckets[0].recompute = .none },
            Change("recompute full") { $1.buckets[0].recompute = .full },
            Change("by_sequence_length") {
                $1.buckets.append($1.buckets[0])
                $1.buckets[0].lengthMax = 2048
                $1.buckets[1].lengthMax = 4096
            },
            Change("sequences_per_batch") { deployment, _ in
                deployment.workload.sequencesPerBatch = 128
            },
            Change("sequence_lengths") { deployment, _ in
                deployment.workload.sequenceLengths = [512, 1024]
            },
            Change("length_weights") { deployment, _ in
                deployment.workload.sequenceLengths = [512, 1024]
                deployment.workload.lengthWeights = [1, 2]
            },
            Change("kind") { deployment, _ in deployment.workload.kind = .inference },
            Change("optimizer") { deployment, _ in deployment.workload.optimizer = .adam },
            Change("learning_rate") { deployment, _ in deployment.run.learningRate = 0.5 },
            Change("weight_decay") { deployment, _ in deployment.run.weightDecay = 0.5 },
            Change("gradient_clip") { deployment, _ in deployment.run.gradientClip = 0.5 },
            Change("warmup_steps") { deployment, _ in deployment.run.warmupSteps = 3 },
            Change("steps") { deployment, _ in deployment.run.steps = 33 },
            Change("seed") { deployment, _ in deployment.run.seed = 33 },
        ]
        + Plan.Schedule.generated.filter { $0 != .oneForwardOneBackward }.map { schedule in
            Change("schedule \(schedule.name)") {
                $1.schedule = schedule
                if schedule == .interleaved { $1.chunksPerRank = 2 }
            }
        }
        + Precision.allCases.filter { $0 != .fp8 }.map { precision in
            Change("precision \(precision.rawValue)") { deployment, _ in
                deployment.workload.precision = precision
            }
        }
        + Precision.allCases.filter { $0 != .fp32 }.map { precision in
            Change("optimizer_precision \(precision.rawValue)") { deployment, _ in
                deployment.workload.optimizerPrecision = precision
            }
        }

    private static let routingChanges =
        [
            Change("noise_std") { deployment, _ in deployment.routing.noiseStandardDeviation = 1 },
            Change("capacity per_assignment") { deployment, _ in
                deployment.routing.capacity = .perAssignment
            },
            Change("capacity dropless") { deployment, _ in
                deployment.routing.capacity = .dropless
            },
            Change("capacity_factor") { deployment, _ in deployment.routing.capacityFactor = 2 },
            Change("overflow buffer") { deployment, _ in deployment.routing.overflow = [.buffer] },
            Change("overflow drop") { deployment, _ in deployment.routing.overflow = [.drop] },
            Change("balance_loss") { deployment, _ in deployment.routing.balanceLoss = 0.5 },
        ]
        + Routing.Gate.allCases.filter { $0 != .noisyTopK }.map { gate in
            Change("gate \(gate.rawValue)") { deployment, _ in deployment.routing.gate = gate }
        }

    private static let modelChanges = [
        Change("hasSelectionBias") { deployment, _ in deployment.model.hasSelectionBias = true },
        Change("norm") { deployment, _ in deployment.model.norm = .layer },
        Change("isGated") { deployment, _ in deployment.model.isGated = false },
        Change("hasFeedForwardBias") { deployment, _ in
            deployment.model.hasFeedForwardBias = true
        },
        Change("hasAttentionSinks") { deployment, _ in deployment.model.hasAttentionSinks = true },
        Change("learnedPositions") { deployment, _ in deployment.model.learnedPositions = 4096 },
        Change("sharedExpertHiddenSize") { deployment, _ in
            deployment.model.sharedExpertHiddenSize = 0
        },
        Change("hasSharedExpertGate") { deployment, _ in
            deployment.model.hasSharedExpertGate = true
        },
        Change("denseLayers") { deployment, _ in deployment.model.denseLayers = [0] },
        Change("tiesEmbeddings") { deployment, _ in deployment.model.tiesEmbeddings = true },
        Change("topK") { deployment, _ in deployment.model.topK = 2 },
        Change("expertGroups") { deployment, _ in deployment.model.expertGroups = nil },
        Change("window") { deployment, _ in
            deployment.model.slidingWindow = 128
            deployment.model.windowedLayers = [1, 3]
        },
        Change("latentAttention") { deployment, _ in
            deployment.model.latentAttention?.keyValueRank = 128
        },
        Change("rope_scaling") { deployment, _ in
            deployment.model.variations = [ModelVariation(key: "rope_scaling", value: "{ a: 1 }")]
        },
        Change("norm_topk_prob") { deployment, _ in
            deployment.model.variations = [ModelVariation(key: "norm_topk_prob", value: "false")]
        },
        Change("routed_scaling_factor") { deployment, _ in
            deployment.model.variations = [
                ModelVariation(key: "routed_scaling_factor", value: "2.5")
            ]
        },
    ]
}
