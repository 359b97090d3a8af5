import Testing

@testable import ApusValidation

/// The errors that predictions of the fixtures may have at most, in percent.
///
/// The means are what Apus promises of each source; the README shows what all rows give.
private let thresholds: [(source: String, quantity: String, mean: Double, max: Double)] = [
    ("korthikanti22", "step_time", 5, 8),
    ("korthikanti22", "mem_activations", 2, 4),
    ("korthikanti22", "mem_params_optimizer", 8, 12),
    ("korthikanti22", "activation_mem_pct_of_tp_baseline", 2, 4),
    ("simumax-b200", "step_time", 7, 10),
    ("simumax-b200", "peak_mem_allocated", 1, 2),
    ("simumax-b200", "peak_mem_reserved", 4, 5),
    ("vtrain-single", "step_time", 9, 25),
    ("vtrain-multi", "step_time", 14, 30),
    ("mbridge-perf", "tokens_per_s_per_gpu", 20, 45),
    ("dsv3-report", "gpu_hours_per_1T_tokens", 12, 12),
    ("narayanan21-t1", "tflops_per_gpu", 10, 15),
    ("mcore-golden", "peak_mem_allocated_last_rank", 6, 8),
    ("llm-foundry", "tokens_per_s_per_gpu", 20, 55),
]

@Suite("Accuracy on published measurements")
struct AccuracyTests {
    private let summaries: [SourceSummary]

    init() throws {
        var validation = Validation(fillsIn: true)
        for row in try Fixtures.allRows() { validation.add(row) }
        summaries = validation.summaries
    }

    @Test("errors stay within their thresholds")
    func staysWithin() throws {
        for threshold in thresholds {
            let found = summaries.filter {
                $0.source == threshold.source && $0.quantity == threshold.quantity
            }
            #expect(!found.isEmpty, "\(threshold.source) \(threshold.quantity)")
            for summary in found {
                let errors = try #require(summary.errors)
                let name = "\(threshold.source) \(threshold.quantity): \(errors)"
                #expect(errors.meanMagnitude <= threshold.mean, "\(name)")
                #expect(errors.magnitudeMax <= threshold.max, "\(name)")
            }
        }
    }

    @Test("every row of the fixtures is predicted")
    func predictsAll() {
        for summary in summaries { #expect(summary.skipped.isEmpty, "\(summary.source)") }
    }
}
