import ApusPlan

/// What a training run of so many tokens takes on a cluster.
package struct Budget: Hashable, Sendable {
    package var tokens: Double
    /// Of one GPU for one hour.
    package var pricePerGPUHour: Double?

    package init(tokens: Double, pricePerGPUHour: Double?) {
        self.tokens = tokens
        self.pricePerGPUHour = pricePerGPUHour
    }

    /// What the run takes at a rate.
    package struct Bill: Hashable, Sendable {
        package var gpus: Int
        package var days: Double
        package var gpuHours: Double
        package var price: Double?
    }

    /// What the tokens take with a plan, on as many GPUs as it has ranks.
    package func bill(of strategy: PlannedStrategy) -> Bill {
        bill(
            tokensPerSecond: strategy.tokensPerSecond, gpus: strategy.plan.degrees.worldSize)
    }

    package func bill(tokensPerSecond: Double, gpus: Int) -> Bill {
        let seconds = tokens / tokensPerSecond
        let hours = seconds / 3600 * Double(gpus)
        return Bill(
            gpus: gpus, days: seconds / 86_400, gpuHours: hours,
            price: pricePerGPUHour.map { $0 * hours })
    }
}
