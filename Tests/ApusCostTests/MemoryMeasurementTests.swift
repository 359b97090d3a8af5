import ApusBase
import ApusCost
import ApusPlan
import Testing

/// A run whose memory somebody published.
struct MeasuredMemory: CustomTestStringConvertible, Sendable {
    var name: String
    var step: Step
    /// Most that any rank had allocated, in GiB.
    var peak: Double?
    /// The same of a rank of the last stage.
    var last: Double?
    var reserved: Double?
    /// What a rank of the last stage kept allocated between steps.
    var steady: Double?

    var testDescription: String { name }
}

@Suite("Memory against published measurements")
struct MemoryMeasurementTests {
    /// Source: MooreThreads/SimuMax@4dcaae5, docs/b200/b200_release_v1.2_summary.json.
    static let simuMax = [
        row(
            "llama3_70b_l12_tp1_pp2_dp4", .llama70B12, Degrees(pipeline: 2, data: 4), 8,
            peak: 66.55, last: 62.97, reserved: 70.88),
        row(
            "llama3_70b_l12_tp2_dp4", .llama70B12, Degrees(data: 4, tensor: 2), 8,
            peak: 60.68, reserved: 62.53),
        row(
            "llama3_70b_l12_tp4_dp2", .llama70B12, Degrees(data: 2, tensor: 4), 4,
            peak: 39.07, reserved: 40.18),
        row(
            "llama3_70b_l12_tp8", .llama70B12, Degrees(tensor: 8), 4,
            peak: 28.29, reserved: 29.12),
        row(
            "llama3_405b_l4_tp1_pp2_dp4", .llama405B4, Degrees(pipeline: 2, data: 4), 32,
            peak: 87.08, last: 87.08, reserved: 92.26),
        row(
            "llama3_405b_l4_tp2_dp4", .llama405B4, Degrees(data: 4, tensor: 2), 4,
            peak: 81.59, reserved: 84.7),
        row(
            "llama3_405b_l4_tp4_dp2", .llama405B4, Degrees(data: 2, tensor: 4), 8,
            peak: 52.89, reserved: 54.65),
        row(
            "llama3_405b_l4_tp8", .llama405B4, Degrees(tensor: 8), 32,
            peak: 38.57, reserved: 39.83),
        row(
            "llama3_405b_l4_tp2_cp4", .llama405B4, Degrees(context: 4, tensor: 2), 4,
            length: 131_072, peak: 118.13, reserved: 127.5),
        row(
            "deepseekv2_l4_ep4_pp2_dp4", .deepSeekV2L4,
            Degrees(pipeline: 2, data: 4, expert: 4), 4, peak: 44.7, last: 44.7, reserved: 47.05),
        row(
            "deepseekv3_l4_ep4_pp2_dp4", .deepSeekV3L4,
            Degrees(pipeline: 2, data: 4, expert: 4), 4, peak: 114, last: 114, reserved: 118.61),
        row(
            "deepseekv3_l4_ep8_dp8", .deepSeekV3L4, Degrees(data: 8, expert: 8), 4,
            peak: 104.3, reserved: 110.18),
    ]

    /// Source: NVIDIA/Megatron-LM@d98e8a64dd, tests/functional_tests/test_cases/gpt.
    static let megatronCI = [
        megatron7B("gpt3_7b_tp1_pp4, A100", peak: 56.3348, steady: 22.8275),
        megatron7B("gpt3_7b_tp1_pp4, GB200", peak: 56.363, steady: 22.8548),
        megatron7B("gpt3_7b_tp1_pp4, H100", peak: 56.5507, steady: 23.1052),
        megatron7B("gpt3_7b_tp4_pp1, A100", tensor: 4, peak: 54.1919, steady: 19.217),
        megatron7B("gpt3_7b_tp4_pp1, GB200", tensor: 4, peak: 54.2192, steady: 19.2444),
        megatron7B("gpt3_7b_tp4_pp1, H100", tensor: 4, peak: 53.2193, steady: 19.2444),
    ]

    /// Source: NVIDIA-NeMo/Megatron-Bridge@067f987df, skills/nemo-mbridge-perf-*; in GB there.
    ///
    /// Its recipes reduce gradients in BF16, and Moonlight's keeps Adam's moments in BF16. Its
    /// router is not forced into balance, which may be what is missing there.
    static let bridge = [
        llama70B(
            "tp8 pp4 vp5, core attention again", Degrees(pipeline: 4, tensor: 8),
            [
                .coreAttention
            ], 32, peak: 50.2),
        llama70B(
            "tp4 pp4 vp5 dp2, dense layers again", Degrees(pipeline: 4, data: 2, tensor: 4),
            [
                .feedForward
            ], 16, peak: 55.6),
        moonlight("moonlight 16b", .none, peak: 36.618),
        moonlight("moonlight 16b, latent expansion again", .selective, peak: 35.902),
    ]

    @Test("peaks that Megatron-Bridge reports are met within 5 %", arguments: bridge)
    func meetsBridge(_ measured: MeasuredMemory) throws {
        expect(
            try #require(measured.step.memory.map(\.allocated).max()), near: measured.peak,
            within: 0.05)
    }

    @Test("peaks of Llama 3 and DeepSeek slices on B200 are met within 1 %", arguments: simuMax)
    func meetsSimuMaxPeaks(_ measured: MeasuredMemory) throws {
        let memory = measured.step.memory
        let peak = try #require(memory.map(\.allocated).max())
        expect(peak, near: measured.peak, within: 0.01)
        expect(try #require(memory.last).allocated, near: measured.last, within: 0.01)
        let reserved = try #require(memory.map(\.reserved).max())
        expect(reserved, near: measured.reserved, within: 0.05)
    }

    @Test("their mean error is below 0.2 %")
    func meetsSimuMaxOnAverage() throws {
        let errors = try Self.simuMax.map { measured in
            let peak = try #require(measured.step.memory.map(\.allocated).max())
            return abs(peak.gibibytes / (try #require(measured.peak)) - 1)
        }
        #expect(errors.reduce(0, +) / Double(errors.count) < 0.002)
    }

    @Test("the last rank of Megatron-Core's 7B runs is met within 3 %", arguments: megatronCI)
    func meetsMegatronCI(_ measured: MeasuredMemory) throws {
        let last = try #require(measured.step.memory.last)
        expect(last.allocated, near: measured.peak, within: 0.03)
        expect(last.steady, near: measured.steady, within: 0.03)
    }

    private func expect(_ size: Bytes, near measured: Double?, within tolerance: Double) {
        guard let measured else { return }
        let error = size.gibibytes / measured - 1
        #expect(abs(error) <= tolerance, "\(size.gibibytes) GiB against \(measured) GiB")
    }

    private static func row(
        _ name: String, _ model: Model, _ degrees: Degrees, _ microBatches: Int,
        length: Int = 4096, peak: Double, last: Double? = nil, reserved: Double
    ) -> MeasuredMemory {
        MeasuredMemory(
            name: name,
            step: .memory(
                model, degrees, microBatches: microBatches, length: length,
                implementation: .simuMax),
            peak: peak, last: last, reserved: reserved)
    }

    private static func llama70B(
        _ name: String, _ degrees: Degrees, _ modules: RecomputedModules, _ microBatches: Int,
        peak: Double
    ) -> MeasuredMemory {
        var implementation = Implementation.simuMax
        implementation.gradientPrecision = .bf16
        implementation.selectiveModules = modules
        return MeasuredMemory(
            name: name,
            step: .memory(
                .llama70B, degrees, schedule: .interleaved, chunks: 5, recompute: .selective,
                microBatches: microBatches, length: 4096, precision: .fp8,
                implementation: implementation),
            peak: peak / 1.073741824)
    }

    private static func moonlight(
        _ name: String, _ recompute: Plan.Recompute, peak: Double
    ) -> MeasuredMemory {
        var model = Model.deepSeek(
            layers: 27, hidden: 2048, inner: 11264, experts: 64, topK: 6, expertInner: 1408,
            shared: 2816, vocabulary: 163_840)
        model.headCount = 16
        model.latentAttention?.queryRank = nil
        var implementation = Implementation.simuMax
        implementation.gradientPrecision = .bf16
        implementation.selectiveModules = .latentExpansion
        var step = Step.memory(
            model, Degrees(data: 4, tensor: 2, expert: 8), recompute: recompute, microBatches: 1,
            length: 4096, implementation: implementation)
        step.workload.optimizerPrecision = .bf16
        return MeasuredMemory(name: name, step: step, peak: peak / 1.073741824)
    }

    private static func megatron7B(
        _ name: String, tensor: Int = 1, peak: Double, steady: Double
    ) -> MeasuredMemory {
        let isPipelined = tensor == 1
        return MeasuredMemory(
            name: name,
            step: .memory(
                .gpt7B, Degrees(pipeline: isPipelined ? 4 : 1, data: 2, tensor: tensor),
                schedule: isPipelined ? .interleaved : .oneForwardOneBackward,
                chunks: isPipelined ? 8 : 1, sequenceParallel: false,
                microBatch: isPipelined ? 1 : 2, microBatches: isPipelined ? 4 : 2, length: 8192,
                implementation: .megatronCI),
            peak: peak, steady: steady)
    }
}
