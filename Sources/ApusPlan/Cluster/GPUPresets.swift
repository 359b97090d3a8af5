extension GPU {
    /// The accelerators that a file may name without figures.
    ///
    /// Peak rates are dense. Sources: stas00/ml-engineering@744d01e, `compute/accelerator` and
    /// `network`; ai-dynamo/aiconfigurator@095f58a, `systems/*.yaml`. Compute rates of the H800 are
    /// those of the H100 SXM and were not verified apart.
    package static let presets: [GPU] = [
        GPU(
            name: "a100-80gb",
            peakTeraFLOPs: [.fp32: 19.5, .tf32: 156, .bf16: 312, .fp16: 312],
            memoryGB: 80, memoryBandwidthGBPerSecond: 2039),
        GPU(
            name: "h100-sxm",
            peakTeraFLOPs: [.fp32: 67, .tf32: 494.5, .bf16: 989, .fp16: 989, .fp8: 1979],
            memoryGB: 80, memoryBandwidthGBPerSecond: 3350),
        GPU(
            name: "h800-sxm",
            peakTeraFLOPs: [.fp32: 67, .tf32: 494.5, .bf16: 989, .fp16: 989, .fp8: 1979],
            memoryGB: 80, memoryBandwidthGBPerSecond: 3350),
        GPU(
            name: "h200-sxm",
            peakTeraFLOPs: [.fp32: 67, .tf32: 494.5, .bf16: 989, .fp16: 989, .fp8: 1979],
            memoryGB: 141, memoryBandwidthGBPerSecond: 4800),
        GPU(
            name: "b200",
            peakTeraFLOPs: [.fp32: 80, .tf32: 1125, .bf16: 2250, .fp16: 2250, .fp8: 4500],
            memoryGB: 180, memoryBandwidthGBPerSecond: 8000),
        GPU(
            name: "gb200",
            peakTeraFLOPs: [.fp32: 80, .tf32: 1250, .bf16: 2500, .fp16: 2500, .fp8: 5000],
            memoryGB: 186, memoryBandwidthGBPerSecond: 8000),
        GPU(
            name: "mi300x",
            peakTeraFLOPs: [.fp32: 163.4, .tf32: 653.7, .bf16: 1300, .fp16: 1300, .fp8: 2610],
            memoryGB: 192, memoryBandwidthGBPerSecond: 5300),
        GPU(
            name: "l40s",
            peakTeraFLOPs: [.fp32: 91.6, .tf32: 183, .bf16: 362, .fp16: 362, .fp8: 733],
            memoryGB: 48, memoryBandwidthGBPerSecond: 864),
    ]

    package static func preset(_ name: String) -> GPU? { presets.first { $0.name == name } }
}
