extension GPUPreset {
    /// Every accelerator that Apus knows by name; of two with the same model, the usual one first.
    ///
    /// Peak rates are dense, in TFLOP/s; bandwidths are per GPU and direction, in GB/s.
    /// Sources: stas00/ml-engineering@744d01e, `compute/accelerator` (rates, memory, greatest
    /// measured rates of matrix products) and `network`; ai-dynamo/aiconfigurator@095f58a,
    /// `systems/*.yaml`; DeepEP's README for the links of the H800, whose compute rates are those
    /// of the H100 SXM. Memory of the `a100-40gb` and all of the `rtx4090` were written down from
    /// memory of the data sheets and not verified.
    package static let all: [GPUPreset] = [
        GPUPreset(
            GPU(
                name: "a100-80gb", peakTeraFLOPs: ampere, memoryGB: 80,
                memoryBandwidthGBPerSecond: 2039),
            scaleUp: 300, among: 8, network: 25, matmulMax: [.bf16: 271.2]),
        GPUPreset(
            GPU(
                name: "a100-40gb", peakTeraFLOPs: ampere, memoryGB: 40,
                memoryBandwidthGBPerSecond: 1555),
            scaleUp: 300, among: 8, network: 25, matmulMax: [.bf16: 271.2]),
        GPUPreset(
            GPU(
                name: "h100-sxm", peakTeraFLOPs: hopper, memoryGB: 80,
                memoryBandwidthGBPerSecond: 3350),
            scaleUp: 450, among: 8, network: 50, matmulMax: [.bf16: 794.5, .fp8: 1402.6]),
        GPUPreset(
            GPU(
                name: "h800-sxm", peakTeraFLOPs: hopper, memoryGB: 80,
                memoryBandwidthGBPerSecond: 3350),
            scaleUp: 200, among: 8, network: 50),
        GPUPreset(
            GPU(
                name: "h200-sxm", peakTeraFLOPs: hopper, memoryGB: 141,
                memoryBandwidthGBPerSecond: 4800),
            scaleUp: 450, among: 8, network: 50, matmulMax: [.bf16: 794.5, .fp8: 1453.4]),
        GPUPreset(
            GPU(
                name: "b200", peakTeraFLOPs: blackwell, memoryGB: 180,
                memoryBandwidthGBPerSecond: 8000),
            scaleUp: 900, among: 8, network: 100, matmulMax: [.bf16: 1745, .fp8: 3432.5]),
        GPUPreset(
            GPU(
                name: "gb200", peakTeraFLOPs: graceBlackwell, memoryGB: 186,
                memoryBandwidthGBPerSecond: 8000),
            scaleUp: 900, among: 72, spansNodes: true, network: 50,
            matmulMax: [.bf16: 1822, .fp8: 3615.6]),
        GPUPreset(
            GPU(
                name: "gb300", peakTeraFLOPs: graceBlackwell, memoryGB: 288,
                memoryBandwidthGBPerSecond: 8000),
            scaleUp: 900, among: 72, spansNodes: true, network: 100),
        GPUPreset(
            GPU(
                name: "b300", peakTeraFLOPs: blackwell, memoryGB: 288,
                memoryBandwidthGBPerSecond: 8000),
            scaleUp: 900, among: 8, network: 100, matmulMax: [.bf16: 1769, .fp8: 3353.3]),
        // Seven links of 64 GB/s, one to each other GPU of the node.
        GPUPreset(
            GPU(
                name: "mi300x",
                peakTeraFLOPs: [.fp32: 163.4, .tf32: 653.7, .bf16: 1300, .fp16: 1300, .fp8: 2610],
                memoryGB: 192, memoryBandwidthGBPerSecond: 5300),
            scaleUp: 448, among: 8, network: 50, matmulMax: [.bf16: 668.4]),
        // No NVLink: the GPUs of a node meet on PCIe 4.0 × 16.
        GPUPreset(
            GPU(
                name: "l40s",
                peakTeraFLOPs: [.fp32: 91.6, .tf32: 183, .bf16: 362, .fp16: 362, .fp8: 733],
                memoryGB: 48, memoryBandwidthGBPerSecond: 864),
            scaleUp: 32, among: 8, network: 50),
        // Rates with FP32 accumulation, which are half of those with FP16.
        GPUPreset(
            GPU(
                name: "rtx4090",
                peakTeraFLOPs: [.fp32: 82.6, .tf32: 82.6, .bf16: 165.2, .fp16: 165.2, .fp8: 330.3],
                memoryGB: 24, memoryBandwidthGBPerSecond: 1008),
            scaleUp: 32, among: 8, network: 12.5),
    ]

    private static let ampere: [Precision: Double] = [
        .fp32: 19.5, .tf32: 156, .bf16: 312, .fp16: 312,
    ]
    private static let hopper: [Precision: Double] = [
        .fp32: 67, .tf32: 494.5, .bf16: 989, .fp16: 989, .fp8: 1979,
    ]
    private static let blackwell: [Precision: Double] = [
        .fp32: 80, .tf32: 1125, .bf16: 2250, .fp16: 2250, .fp8: 4500,
    ]
    private static let graceBlackwell: [Precision: Double] = [
        .fp32: 80, .tf32: 1250, .bf16: 2500, .fp16: 2500, .fp8: 5000,
    ]
}
