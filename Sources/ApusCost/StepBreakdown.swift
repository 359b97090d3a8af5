package import ApusBase

/// Where the time of a step goes, on the stage that takes longest; the parts add up to the step.
package struct StepBreakdown: Hashable, Sendable {
    /// Dense matrix products, recomputation included, as in all computation here.
    package var products = Seconds.zero
    package var expertProducts = Seconds.zero
    package var attention = Seconds.zero
    package var elementwise = Seconds.zero
    /// What the GPU waits for the host's launches.
    package var host = Seconds.zero
    /// Communication that computation does not hide, by axis.
    package var tensor = Seconds.zero
    package var context = Seconds.zero
    package var expert = Seconds.zero
    package var pipeline = Seconds.zero
    package var data = Seconds.zero
    /// Filling and draining the pipeline.
    package var bubble = Seconds.zero
    package var optimizer = Seconds.zero
    package var overhead = Seconds.zero

    package init() {}

    /// The parts with their names, in the order in which they are shown.
    package var parts: [(name: String, time: Seconds)] {
        [
            ("products", products), ("expert_products", expertProducts),
            ("attention", attention), ("elementwise", elementwise), ("host", host),
            ("tensor", tensor), ("context", context), ("expert", expert),
            ("pipeline", pipeline), ("data", data), ("bubble", bubble),
            ("optimizer", optimizer), ("overhead", overhead),
        ]
    }
}
