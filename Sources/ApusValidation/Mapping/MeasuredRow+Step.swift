import ApusCost
import ApusPlan

extension MeasuredRow {
    /// The step of a row in which nothing is missing.
    func mappedStep() throws(Unscored) -> Step {
        guard !mentions("lora", in: .notes) else {
            throw Unscored("trains adapters only (LoRA)")
        }
        guard !mentions("optimizer=muon", in: .notes) else {
            throw Unscored("optimized by Muon")
        }
        guard !mentions("activation-offloading=true", in: .notes) else {
            throw Unscored("offloads activations")
        }
        let model = try mappedModel()
        let cluster = try mappedCluster()
        let precision = try mappedPrecision()
        guard cluster.gpu.peakTeraFLOPs[precision] != nil else {
            throw Unscored("the GPU does not compute in \(precision.rawValue)")
        }
        let plan = try mappedPlan(for: model, ranks: try required(.gpus))
        let length = try required(.sequence)
        guard length % plan.degrees.context == 0 else {
            throw Unscored("`cp` does not divide `seq`")
        }
        try requireBearable(model, length: length)
        let workload = Workload(
            sequencesPerBatch: try required(.globalBatch), sequenceLengths: [length],
            precision: precision, optimizer: .adam,
            optimizerPrecision: keepsNarrowMoments ? .bf16 : .fp32)
        return Step(
            model: model, cluster: cluster, workload: workload, routing: assumedRouting, plan: plan,
            bucket: plan.buckets[0], sequenceLength: length,
            implementation: mappedImplementation(model, chunks: plan.chunks))
    }

    /// Assumption: natural routing was 8 to 20 % slower where both were published.
    private var assumedRouting: Routing {
        Routing(imbalance: mentions("natural routing", in: .notes) ? 1.3 : 1)
    }

    /// Whether the optimizer keeps its moments in BF16.
    ///
    /// Sources: DeepSeek-AI 2024, "DeepSeek-V3", §3.3.3; NVIDIA-NeMo/Megatron-Bridge, the recipes
    /// of DeepSeek-V3 and Moonlight.
    private var keepsNarrowMoments: Bool {
        if mentions("hai-llm", in: .framework) { return true }
        return mentions("megatron-bridge", in: .framework)
            && (mentions("deepseek-v3", in: .model) || mentions("moonlight", in: .model))
    }

    /// Refuses a micro-batch whose bytes no `Int` would hold; a petabyte is beyond any machine.
    private func requireBearable(_ model: Model, length: Int) throws(Unscored) {
        let rows = Double(try required(.microBatch)) * Double(length)
        let width =
            model.hiddenSize + model.denseHiddenSize + model.vocabularySize + model.queryWidth
            + model.attendedWidth + model.keyValueWidth + model.sharedExpertHiddenSize
            + max(1, model.topK) * (model.hiddenSize + model.expertHiddenSize)
        let latent = model.latentAttention.map { $0.keyValueRank + ($0.queryRank ?? 0) } ?? 0
        let scores = Double(model.headCount) * Double(length)
        let numbers = rows * (Double(width + latent) + scores) * Double(model.layerCount)
        guard numbers < 1e15 else { throw Unscored("the micro-batch is beyond any machine") }
    }

    /// A row that measured the experts of a layer alone, completed to a step whose other parts
    /// nobody looks at.
    var withPlaceholderAttention: MeasuredRow {
        var row = self
        let heads = max(1, (number(self[.hidden]) ?? 128) / 128)
        row[.attention] = "mha"
        row[.heads] = "\(Int(heads))"
        row[.keyValueHeads] = "\(Int(heads))"
        row[.headDim] = "128"
        row[.vocabulary] = "1024"
        row[.microBatch] = "1"
        row[.chunks] = "1"
        return row
    }
}
