private import func Glibc.cos

/// The learning rate by step: a linear warm-up, then a cosine decay to a tenth of the peak.
///
/// Source: Hoffmann et al. 2022, "Training compute-optimal large language models", §3.1.
package struct LearningRate: Hashable, Sendable {
    package var peak: Double
    package var warmupSteps: Int
    package var steps: Int

    package init(peak: Double, warmupSteps: Int, steps: Int) {
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.steps = steps
    }

    /// The rate of `step`, counted from 0.
    package func callAsFunction(_ step: Int) -> Double {
        if step < warmupSteps { return peak * Double(step + 1) / Double(warmupSteps) }
        let decaySteps = max(1, steps - warmupSteps)
        let progress = min(1, Double(step - warmupSteps + 1) / Double(decaySteps))
        let floor = 0.1 * peak
        return floor + (peak - floor) * 0.5 * (1 + cos(Double.pi * progress))
    }
}
