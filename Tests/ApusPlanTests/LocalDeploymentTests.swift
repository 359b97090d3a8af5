import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@Suite("A deployment made local")
struct LocalDeploymentTests {
    @Test("the reference deployment keeps its layout, and every change is said")
    func replacesReference() throws {
        let file = try SmallFile.read(Repository.text("Plans/strategy-16gpu.yaml"))
        let (local, replacements) = file.deployment.local()
        #expect(
            replacements == [
                "zero_stage 1 -> 0: each rank keeps its whole optimizer state",
                "gate noisy_top_k -> softmax_top_k: the runtime routes by the largest scores",
                "noise_std 0.01 -> 0: the gate adds no noise",
                "capacity per_token -> dropless: the runtime drops no token",
                "capacity_factor 1.5 -> 1: capacity has no limit",
                "overflow reroute -> none: no token is over capacity",
                "balance_loss 0.01 -> 0: the runtime adds no loss for balance",
                "precision fp16 -> fp32: a processor is fastest and most exact in FP32",
                "optimizer adam -> adamw: the runtime decays weights apart from the gradient",
                "sequence_length 128 -> 64: what this machine can bear",
                "sequence_lengths [128, 1024, 4096, 10240] -> [64]: the run has one length",
                "sequences_per_step 128 -> 8: what this machine can bear",
                "by_sequence_length 4 entries -> 1: the one up to 512 is used",
                "sequences_per_data_rank 32 -> 2: each data rank's share of the step",
                "micro_batches 16 -> 2: a data rank has 2 sequences",
            ])
        #expect(local.model == file.deployment.model)
        #expect(local.plan?.degrees == Degrees(pipeline: 4, data: 4, expert: 4))
        #expect(local.run == RunSettings(sequenceLength: 64, sequencesPerStep: 8))
    }

    @Test("the runtime executes it, and its text is a file without errors", arguments: 0..<200)
    func isSupported(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let deployment = Deployment.random(using: &generator)
        let (local, _) = deployment.local()
        let isComputed = deployment.model.isComputedByIslands
        let refused = local.unsupportedForTraining().map(\.path)
        #expect(refused == (isComputed ? [] : ["model.model_type"]), "seed \(seed)")
        #expect(local.plan?.degrees.worldSize == deployment.plan?.degrees.worldSize)
        #expect(try SmallFile.read(local.text()).deployment == local, "seed \(seed)")
    }

    @Test("what it says and what it changes agree", arguments: 0..<200)
    func saysWhatItChanges(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let deployment = Deployment.random(using: &generator)
        let (local, replacements) = deployment.local()
        #expect(replacements.isEmpty == (local == deployment))
        #expect(local.local().replacements == [])
        for replacement in replacements {
            #expect(replacement.contains(" -> ") && replacement.contains(": "))
        }
    }

    @Test("each data rank gets a sequence, and all get the same number", arguments: 1...20)
    func sharesSequences(data: Int) throws {
        let (local, _) = Deployment.small(data: data).local()
        #expect(local.run.sequencesPerStep >= max(8, data))
        #expect(local.run.sequencesPerStep < 8 + data)
        #expect(local.run.sequencesPerStep.isMultiple(of: data))
    }

    @Test("the small deployment of the tests is supported as it is")
    func supportsSmall() throws {
        let small = Deployment.small(pipeline: 2, data: 4, expert: 2)
        #expect(small.unsupportedForTraining() == [])
        #expect(small.problems() == [])
    }
}
