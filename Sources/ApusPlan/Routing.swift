/// How tokens find their experts.
package struct Routing: Hashable, Sendable {
    package enum Gate: String, Hashable, Sendable, CaseIterable {
        case softmaxTopK = "softmax_top_k"
        case noisyTopK = "noisy_top_k"
        case learnedNoisyTopK = "learned_noisy_top_k"
        case gshardTop2 = "gshard_top_2"
        case switchTop1 = "switch"
        case sigmoidBias = "sigmoid_bias"
        case groupLimited = "group_limited"
        case expertChoice = "expert_choice"
    }
    package enum Capacity: String, Hashable, Sendable, CaseIterable {
        case dropless
        case perAssignment = "per_assignment"
        case perToken = "per_token"
    }
    package enum Overflow: String, Hashable, Sendable, CaseIterable {
        case drop, reroute, buffer
    }

    package var gate: Gate
    package var noiseStandardDeviation: Double
    package var capacity: Capacity
    package var capacityFactor: Double
    package var overflow: [Overflow]
    package var balanceLoss: Double
    /// Rows that the busiest rank's experts are sent ÷ rows in balance.
    ///
    /// Costs are predicted for it; the runtime routes as the gate says.
    package var imbalance: Double

    package init(
        gate: Gate = .softmaxTopK, noiseStandardDeviation: Double = 0,
        capacity: Capacity = .dropless, capacityFactor: Double = 1, overflow: [Overflow] = [],
        balanceLoss: Double = 0, imbalance: Double = 1
    ) {
        self.gate = gate
        self.noiseStandardDeviation = noiseStandardDeviation
        self.capacity = capacity
        self.capacityFactor = capacityFactor
        self.overflow = overflow
        self.balanceLoss = balanceLoss
        self.imbalance = imbalance
    }

    /// Places of an expert ÷ assignments that it gets in balance; `nil` without a limit.
    package func headroom(topK: Int) -> Double? {
        switch capacity {
        case .dropless: nil
        case .perAssignment: capacityFactor
        case .perToken: capacityFactor / Double(max(1, topK))
        }
    }
}
