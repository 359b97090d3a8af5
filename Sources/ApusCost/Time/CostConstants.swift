/// What the cost model takes from experience and not from a measured kernel, in one place.
///
/// Each constant says where it comes from. `apus validate` shows what they do to the errors.
enum CostConstants {
    /// The share of gradient accumulation's memory traffic that the weight product does not hide.
    ///
    /// Assumption: half of the traffic runs under the product's arithmetic.
    static let accumulationExposed = 0.5

    /// The share of a tensor-parallel collective that shows where the framework starts it beside an
    /// independent product.
    ///
    /// Assumption: it takes processors from the product that runs beside it.
    static let asynchronousTensorExposed = 0.3

    /// The share that shows where collectives are cut into pieces between pieces of the products.
    ///
    /// Source: NVIDIA TransformerEngine, user buffers; the first and the last piece show.
    static let tensorOverlapExposed = 0.3

    /// Small kernels of a router: scores, selection, sorting, counts.
    ///
    /// Source: Megatron-Core's router with fused permutation, counted in its code.
    static let routerKernels = 12

    /// How much longer computation takes beside dispatch and combine of another micro-batch.
    ///
    /// Source: DeepSeek-AI 2024, "DeepSeek-V3", §3.2.2: 20 of 132 processors communicate.
    static let expertOverlapSlowdown = 1.1

    /// The share of dispatch and combine that shows even where there is computation to hide it.
    static let expertOverlapExposed = 0.1

    /// The share of a pass's computation under which dispatch and combine can hide.
    static let expertOverlapShare = 0.9

    /// The share of a stage's messages that shows where sends run beside other micro-batches.
    static let pipelineOverlapExposed = 0.1

    /// The share of a reduction in buckets that is left when backward is done.
    ///
    /// Assumption: some ten buckets, of which the last has nothing to hide it.
    static let lastBucket = 0.1

    /// The share of a pass's computation under which collectives of weights can hide.
    static let dataOverlapShare = 0.8

    /// How far four of five measurements lie from predictions, as a factor, by the share of the
    /// computation that rests on measured kernels.
    ///
    /// The 80th percentile of the errors of 1064 published steps on GPUs with measured kernels is
    /// 16 % (`apus validate`). Assumption: twice that where kernels rest on a roofline.
    static func spread(measured share: Double) -> Double { share > 0.5 ? 1.16 : 1.32 }

    /// The share of fused attention's rate that a step keeps up.
    ///
    /// Fitted to the runs of 131 072 tokens of MooreThreads/SimuMax@4dcaae5.
    static let sustainedAttention = 0.8

    /// The share of that rate which attention with a learned sink for each head reaches.
    ///
    /// Fitted to the runs of GPT-OSS on NVIDIA's Megatron-Bridge pages.
    static let attentionWithSinks = 0.5
}
