/// The constants of the memory model that follow from no formula, each with where it came from.
///
/// All sizes are in bytes. Rows named are those of the measurements that the validation tests keep.
enum MemoryConstants {
    /// Workspaces of products and small tables that live as long as the process.
    ///
    /// Source: 32 MiB each for cuBLAS, cuBLASLt and Transformer Engine; 0.06 to 0.11 GiB beyond
    /// weights, gradients and optimizer stay allocated between steps in Megatron-Core CI runs.
    static let workspace = 96.0 * 1_048_576

    /// One 32 MiB workspace for each of the four streams of Transformer Engine's grouped products.
    static let groupedWorkspace = 128.0 * 1_048_576

    /// Buffers `[rows, hidden]` that backward of the experts holds beyond what forward kept: the
    /// gradient as it arrives, the same sorted by expert, and the gradient of the experts' inputs.
    ///
    /// Source: fitted to two rows of SimuMax's B200 runs (DeepSeek-V2 and V3 slices, last stage);
    /// it holds for the other two, and for Megatron-Core's measured MoE layer.
    static let rowBuffers = 3.0

    /// The same where a fused kernel sorts while it sends.
    ///
    /// Source: Megatron-Core's MoE layer with DeepEP against all-to-all: two buffers less.
    static let rowBuffersFused = 1.0

    /// Allocator: (reserved − allocated) ÷ what backward and forward take and give back.
    ///
    /// Source: SimuMax's B200 runs, median 0.33, from 0.20 (long sequences) to 0.59 (experts).
    static let fragmentation = 0.3

    /// What the device holds outside the allocator.
    ///
    /// Assumption: 0.5 GB of CUDA context and kernels, and 0.5 GB of NCCL channels.
    static let context = 1e9
}
