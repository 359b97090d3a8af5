package import ApusPlan

/// What the audit says about one claim.
package struct ClaimVerdict: Hashable, Sendable {
    package enum Verdict: String, Hashable, Sendable, CaseIterable {
        case wrong
        /// Only a run can tell; `computed` holds the prediction.
        case unverifiable
        /// Within 5 %, or inside the claimed range.
        case holds
    }

    package var claim: Claim
    package var verdict: Verdict
    /// The length at which the verdict was reached: the claim's own, or the workload's worst.
    package var sequenceLength: Int?
    package var computed: Claim.Value?
    package var confidence: Measure.Confidence?
    package var unit: String?
    package var why: String
    package var source: String
    /// What would be right, in one or more ways.
    package var repairs: [Repair] = []
}

/// One way to make a claim and its deployment agree, with what it costs.
package struct Repair: Hashable, Sendable {
    /// What the step becomes under the repair.
    package struct Price: Hashable, Sendable {
        package var ranks: Int
        package var stepTimeSeconds: Double
        package var memoryPeakBytes: Int
        package var tokensPerSecondPerGPU: Double
    }

    package var change: String
    /// The claim's quantity under the change.
    package var value: Claim.Value?
    package var price: Price?
    /// Whether the repaired plan fits the memory of the cluster's GPUs, where it is priced.
    package var fits: Bool?
}
