import ApusCost
import ApusPlan
import Testing

@testable import ApusValidation

@Suite("From a row to a step")
struct MappingTests {
    private func step(_ row: MeasuredRow) throws -> Step { try row.mappedStep() }

    private func reason(_ row: MeasuredRow) -> String? {
        do throws(Unscored) {
            _ = try row.mappedStep()
            return nil
        } catch {
            return error.reason
        }
    }

    @Test("degrees, batch and length are those of the row")
    func mapsPlan() throws {
        let step = try step(.dense)
        #expect(step.degrees == Degrees(pipeline: 2, data: 4, tensor: 2))
        #expect(step.microBatches == 16)
        #expect(step.sequencesPerMicroBatch == 1)
        #expect(step.tokens == 64 * 4096)
        #expect(step.plan.sequenceParallel)
        #expect(step.plan.zeroStage == 1)
        #expect(step.cluster.worldSize == 16)
    }

    @Test("experts stand behind the dense layers, and are folded over the stage")
    func mapsExperts() throws {
        let step = try step(.sparse)
        #expect(step.model.denseLayers == [0])
        #expect(step.model.expertLayerCount == 15)
        #expect(step.degrees.expert == 8)
        #expect(step.degrees.expertTensor == 1)
        #expect(
            try self.step(.sparse.with(.expert, "4").with(.expertTensor, "")).degrees
                .expertTensor == 2)
    }

    @Test("the widths of latent attention stand inside `head_dim`")
    func mapsLatentAttention() throws {
        let row = MeasuredRow.sparse.with(.attention, "mla").with(
            .headDim, "mla:qlora1536,kvlora512,nope128,rope64,v128")
        let latent = try #require(try step(row).model.latentAttention)
        #expect(latent.queryRank == 1536)
        #expect(latent.keyValueRank == 512)
        #expect(latent.queryHeadDim == 192)
        #expect(latent.valueHeadDim == 128)
        #expect(reason(row.with(.headDim, "mla:nope128"))?.contains("latent attention") == true)
    }

    @Test(
        "the schedule follows the virtual stages",
        arguments: [
            ("1", Plan.Schedule.oneForwardOneBackward, 1), ("n/a", .oneForwardOneBackward, 1),
            ("", .oneForwardOneBackward, 1), ("4", .interleaved, 4),
            ("DualPipe (bidirectional)", .dualPipeV, 2),
        ])
    func mapsSchedule(text: String, schedule: Plan.Schedule, chunks: Int) throws {
        let plan = try step(.dense.with(.chunks, text)).plan
        #expect(plan.schedule == schedule)
        #expect(plan.chunks == chunks)
    }

    @Test(
        "sharding has its stage by name or number",
        arguments: [
            ("0", 0), ("1", 1), ("", 0), ("fsdp", 3), ("3 (FSDP FULL_SHARD)", 3),
            ("2 (FSDP SHARD_GRAD_OP)", 2),
        ])
    func mapsZeRO(text: String, stage: Int) throws {
        #expect(try step(.dense.with(.zero, text)).plan.zeroStage == stage)
    }

    @Test(
        "a precision is found in its remarks",
        arguments: [
            ("bf16 (fp32 grad accumulation)", Precision.bf16), ("fp16 mixed", .fp16),
            ("MXFP8", .fp8), ("fp8 mixed (e4m3 1x128/128x128)", .fp8), ("amp_bf16 DEFAULT", .bf16),
            ("FP8 (see page)", .fp8),
        ])
    func mapsPrecision(text: String, precision: Precision) throws {
        #expect(try step(.dense.with(.precision, text)).workload.precision == precision)
    }

    private static let recomputations: [(String, Plan.Recompute, RecomputedModules)] = [
        ("none", .none, .coreAttention),
        ("none stated", .none, .coreAttention),
        ("full", .full, .coreAttention),
        ("full(uniform 1 )", .full, .coreAttention),
        ("selective(attention core)", .selective, .coreAttention),
        ("selective[core_attn]", .selective, .coreAttention),
        ("selective[mlp,core_attn]", .selective, [.feedForward, .coreAttention]),
        ("norm,act", .selective, [.norms, .expertActivation]),
        ("norm,act,shared_expert", .selective, [.norms, .expertActivation, .sharedExperts]),
        ("RMSNorm + MLA up-projection", .selective, [.norms, .latentExpansion]),
        (
            "selective(  [layernorm mla_up_proj mlp moe_act])", .selective,
            [.norms, .latentExpansion, .feedForward, .expertActivation]
        ),
        ("selective[layernorm,moe]", .selective, [.norms, .experts]),
    ]

    @Test("what is recomputed is a mode or a list of modules", arguments: recomputations)
    func mapsRecompute(
        text: String, mode: Plan.Recompute, modules: RecomputedModules
    ) throws {
        let step = try step(.dense.with(.recompute, text))
        #expect(step.bucket.recompute == mode)
        #expect(step.implementation.selectiveModules == modules)
    }

    @Test(
        "the network between nodes is read from its text",
        arguments: [
            ("NVLink4; 8x400Gb/s IB per node", 50.0), ("NVLink3; 8x200Gb/s HDR IB per node", 25),
            ("NVLink3; HDR IB (vTrain config: 800 Gb/s per node)", 12.5),
            ("A100 40GB with 1600 Gbps node-node interconnect (RoCE)", 25),
            ("NVLink4 NVL8; 400Gb/s IB per GPU", 50), ("NVLink4; 8x50GB/s IB", 50),
        ])
    func mapsNetwork(text: String, bandwidth: Double) throws {
        let links = try step(.dense.with(.interconnect, text)).cluster.linksOrDefault
        #expect(links.last?.bandwidthGBPerSecond == bandwidth)
    }

    @Test("layers that do not divide leave less to the first and the last stage")
    func mapsUnevenStages() throws {
        let row = MeasuredRow.dense.with(.layers, "126").with(.pipeline, "8").with(.tensor, "1")
            .with(.data, "2").with(.sequenceParallel, "0")
        let layers = try #require(try step(row).plan.layersPerStage)
        #expect(layers == [15, 16, 16, 16, 16, 16, 16, 15])
        for count in 9..<40 {
            let counts = try step(row.with(.layers, "\(count)")).plan.layersPerStage
            // With fewer layers than leave one to the last stage, they are spread evenly.
            #expect(counts.map { $0.reduce(0, +) == count } ?? (count % 8 == 0 || count < 14))
        }
    }

    @Test(
        "rows that make no step say why",
        arguments: [
            (
                Column.attention, "hybrid-linear",
                "the model is a hybrid of attention and something else"
            ),
            (.attention, "", "`attn` not published"), (.tensor, "", "`tp` not published"),
            (.tensor, "0", "`tp` is 0"), (.tensor, "two", "`tp` is no whole number"),
            (.tensor, "1.5", "`tp` is no whole number"), (.microBatch, "", "`mbs` not published"),
            (.microBatch, "3", "`dp` × `mbs` does not divide `gbs`"),
            (.data, "3", "`tp` × `pp` × `cp` × `dp` is not `gpus`"),
            (.gpus, "15", "`tp` × `pp` × `cp` does not divide `gpus`"),
            (.pipeline, "16", "`tp` × `pp` × `cp` does not divide `gpus`"),
            (.gpu, "TPU", "no data sheet for the GPU `TPU`"),
            (.precision, "NVFP4", "computes in FP4, of which there are no rates"),
            (.precision, "int3", "unknown `precision`"),
            (.recompute, "", "`recompute` not published"),
            (.keyValueHeads, "5", "`kv_heads` does not divide `heads`"),
            (.zero, "stage two", "`zero` is neither 0 to 3 nor fsdp"),
            (.notes, "LoRA Performance", "trains adapters only (LoRA)"),
        ])
    func saysWhy(column: Column, text: String, why: String) {
        #expect(reason(.dense.with(column, text)) == why)
    }

    @Test("degrees that do not multiply up are derived where the notes say so")
    func derivesData() throws {
        let row = MeasuredRow.dense.with(.data, "3").with(.notes, "derive dp from GPUs")
        #expect(try step(row).degrees.data == 4)
    }
}
