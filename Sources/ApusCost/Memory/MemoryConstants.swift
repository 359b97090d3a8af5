/// The constants of the memory model that no formula gives, each with where it came from.
enum MemoryConstants {
    /// What the allocator holds besides tensors of the step: workspaces of products, tables of
    /// positions, small buffers, in bytes.
    ///
    /// Source: the intercept over tensor degrees 2, 4 and 8 of the Llama-3 70B and 405B rows of
    /// `simumax_b200_megatron.csv` (0.18 to 0.33 GiB).
    static let workspace = 0.2 * 1_073_741_824

    /// Reserved ÷ allocated of what backward and forward take and give back.
    ///
    /// Source: median over `simumax_b200_megatron.csv` of (reserved − allocated) ÷ (allocated −
    /// weights, gradients and optimizer).
    static let fragmentation = 0.25

    /// The device's context with the kernels of PyTorch, cuBLAS and NCCL, in bytes.
    ///
    /// Assumption: 0.5 GB of CUDA context and modules and 0.5 GB of NCCL channels.
    static let context = 1e9

    /// Row buffers `[rows, hidden]` that backward of the experts holds at once beyond what forward
    /// kept: the gradient that arrives, the same sorted by expert, and that of the inputs.
    ///
    /// Source: DeepSeek rows of `simumax_b200_megatron.csv`.
    static let expertRowBuffers = 3.0
}
