import ApusCost
import ApusPlan
import Testing

@testable import ApusValidation

@Suite("Frameworks of measured rows")
struct FrameworkTests {
    private func implementation(_ row: MeasuredRow) throws -> Implementation {
        try row.mappedStep().implementation
    }

    @Test(
        "before FlashAttention, Megatron-LM wrote scores out and dropped elements",
        arguments: [
            "Megatron-LM 2021", "Megatron-LM 2022", "Megatron-DeepSpeed", "DeepSpeed ZeRO-3",
        ])
    func knowsEarlyMegatron(name: String) throws {
        let early = try implementation(.dense.with(.framework, name))
        #expect(!early.fusedAttention)
        #expect(early.dropsOut)
        #expect(!early.overlapsGradients)
    }

    @Test("current frameworks fuse attention and overlap reductions unless the notes deny it")
    func knowsCurrentMegatron() throws {
        let row = MeasuredRow.dense.with(.framework, "Megatron-LM@23e00ed + TE 2.11")
        #expect(try implementation(row).fusedAttention)
        #expect(try implementation(row).overlapsGradients)
        let without = row.with(.notes, "no comm overlap, CE fusion")
        #expect(try !implementation(without).overlapsGradients)
    }

    @Test("a fused dispatcher is named by the framework or the notes")
    func knowsDispatchers() throws {
        let row = MeasuredRow.sparse
        #expect(try implementation(row).dispatcher == .allToAll)
        #expect(try implementation(row.with(.notes, "DeepEP; EDP=4")).dispatcher == .fused)
        let hybrid = row.with(.framework, "Megatron-Core HybridEP")
        #expect(try implementation(hybrid).dispatcher == .fused)
    }

    @Test(
        "a recipe is that of its model, GPU, number format and release",
        arguments: [
            ("deepseek-v3", "GB300", "BF16", "26.02", "moe_act", true, false),
            ("deepseek-v3", "GB300", "MXFP8", "26.04.01", "mla_up_proj", true, false),
            ("deepseek-v3", "GB300", "MXFP8", "26.06", "none", true, true),
            ("deepseek-v3", "H100", "FP8 (see page)", "25.09", "mla_up_proj mlp", true, true),
            ("deepseek-v3", "B200", "FP8-MX", "25.11", "mla_up_proj", false, false),
            ("qwen3-235b-a22b", "B300", "MXFP8", "26.02.01", "none", true, false),
            ("qwen3-235b-a22b", "B300", "MXFP8", "26.04", "none", false, false),
            ("qwen3-235b-a22b", "H100", "FP8", "26.04.01", "none", false, true),
            ("gpt-oss-120b", "H100", "BF16", "26.02.01", "layernorm moe_act", false, false),
            ("llama3.1-405b", "GB200", "FP8", "26.02", "none", false, false),
        ])
    func knowsRecipes(
        model: String, gpu: String, precision: String, release: String, recompute: String,
        fused: Bool, overlap: Bool
    ) throws {
        let row = MeasuredRow.sparse.with(.model, model).with(.gpu, gpu)
            .with(.precision, precision)
            .with(.framework, "Megatron-Bridge \(release) NeMo Container")
        let recipe = try #require(BridgeRecipe(row))
        #expect(recipe.recompute == recompute)
        #expect((recipe.dispatcher == .fused) == fused)
        #expect(recipe.overlapsExperts == overlap)
        let implementation = try implementation(
            row.with(.recompute, "recipe-dependent (scripts/performance)"))
        #expect(implementation.gradientPrecision == .bf16)
        #expect(implementation.overlapsExperts == overlap)
    }

    @Test("a page of an unknown model has no recipe and no recomputation to go by")
    func knowsNoRecipe() {
        let row = MeasuredRow.dense.with(.model, "unheard-of")
            .with(.framework, "Megatron-Bridge 26.02 NeMo Container")
            .with(.recompute, "recipe-dependent (scripts/performance)")
        #expect(BridgeRecipe(row) == nil)
        #expect(throws: Unscored("`recompute` not published")) { try row.mappedStep() }
    }

    @Test("MPT has as many weights as its benchmark counts")
    func countsMPT() throws {
        let rows = try Fixtures.rows("llm_foundry_mpt.csv")
        #expect(!rows.isEmpty)
        for row in rows {
            let count = try #require(row.note("NumParams="))
            let model = try row.mappedModel()
            #expect((Double(model.parameterCount) / count - 1).magnitude < 1e-3)
        }
    }

    @Test("the parts of a page's FLOPs per token are those of the model")
    func countsFLOPs() throws {
        let rows = try Fixtures.rows("megatron_bridge_perf_pages.csv")
        for row in rows where !row[.model].hasPrefix("gpt-oss") {
            let step = try row.mappedStep()
            let page = FLOPCount(row).total(step)
            #expect((FLOPCount.megatron.total(step) / page - 1).magnitude < 0.03)
        }
    }

    @Test("functional tests of Megatron-Core are known by their notes")
    func knowsTestRuns() throws {
        let row = MeasuredRow.dense.with(.framework, "Megatron-Core CI (dev)").with(.gated, "0")
            .with(
                .notes,
                "deterministic-mode=True; attention-backend=unfused; overlap-grad-reduce=True; "
                    + "no-gradient-accumulation-fusion=True; transformer-impl=transformer_engine")
        let step = try row.mappedStep()
        #expect(!step.implementation.fusedAttention)
        #expect(step.implementation.overlapsGradients)
        #expect(!step.implementation.overlapsParameters)
        #expect(!step.implementation.accumulatesInProducts)
        #expect(step.implementation.dropsOut)
        #expect(step.model.norm == .layer)
        #expect(step.model.tiesEmbeddings)
        #expect(step.model.learnedPositions == 4096)
        let real = row.with(
            .notes,
            "untie-embeddings-and-output-weights=True; position-embedding-type=rope")
        #expect(try !real.mappedStep().implementation.dropsOut)
        #expect(try !real.mappedStep().model.tiesEmbeddings)
        #expect(try real.mappedStep().model.learnedPositions == nil)
    }

    @Test(
        "what a FLOP is depends on the source",
        arguments: [
            ("Megatron-LM 2021", "TFLOP/s (hardware, eq.3)", FLOPCount.narayananHardware),
            ("Megatron-Core (2024-07)", "TFLOP/s (model)", .megatronWholeAttention),
            ("NeMo 24.03.01", "TFLOP/s/GPU", .megatronWholeAttention),
            ("Megatron-Core", "model TFLOP/s/GPU", .megatron),
            ("torchtitan", "TFLOP/s", .palm),
        ])
    func knowsCounts(framework: String, unit: String, count: FLOPCount) {
        let row = MeasuredRow.dense.with(.framework, framework).with(.unit, unit)
        #expect(FLOPCount(row) == count)
    }

    @Test("a count of FLOPs is the model's, give or take attention and recomputation")
    func relatesCounts() throws {
        var row = MeasuredRow.dense
        row[.keyValueHeads] = "32"
        row[.gated] = "0"
        row[.ffn] = "16384"
        let step = try row.mappedStep()
        let model = FLOPCount.megatron.total(step)
        let whole = FLOPCount.megatronWholeAttention.total(step)
        #expect(whole > model)
        // The same formula but for the head: 72·V/12 is 6·V per token and width.
        #expect((FLOPCount.korthikantiModel.total(step) / whole - 1).magnitude < 1e-3)
        #expect(FLOPCount.korthikantiHardware.total(step) > whole)
        // Forward, backward and once more forward.
        let extra = FLOPCount.narayananHardware.total(step) / whole
        #expect(extra > 1.3 && extra < 1.4)
        #expect((FLOPCount.palm.total(step) / whole - 1).magnitude < 0.05)
    }
}
