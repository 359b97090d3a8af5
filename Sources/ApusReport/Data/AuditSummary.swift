/// What an audit found.
package struct AuditSummary: Hashable, Sendable, Encodable {
    package struct Claim: Hashable, Sendable, Encodable {
        package var id: String
        package var verdict: String
        package var claimed: String
        package var computed: String
        package var unit: String
        package var why: String

        package init(
            id: String, verdict: String, claimed: String, computed: String, unit: String,
            why: String
        ) {
            self.id = id
            self.verdict = verdict
            self.claimed = claimed
            self.computed = computed
            self.unit = unit
            self.why = why
        }
    }

    package struct Problem: Hashable, Sendable, Encodable {
        package var code: String
        package var severity: String
        /// Where in the file, as far as it is known.
        package var place: String
        package var text: String
        package var hint: String?

        package init(code: String, severity: String, place: String, text: String, hint: String?) {
            self.code = code
            self.severity = severity
            self.place = place
            self.text = text
            self.hint = hint
        }
    }

    package var claims: [Claim]
    package var problems: [Problem]

    package init(claims: [Claim], problems: [Problem]) {
        self.claims = claims
        self.problems = problems
    }
}

/// What a search of plans found.
package struct SearchSummary: Hashable, Sendable, Encodable {
    package struct Strategy: Hashable, Sendable, Encodable {
        package var name: String
        package var stepTime: Double
        package var tokensPerSecondPerGPU: Double?
        package var memoryPeak: Int
        package var timeToFirstToken: Double?
        package var isPareto: Bool
        package var isOwn: Bool

        package init(
            name: String, stepTime: Double, tokensPerSecondPerGPU: Double?, memoryPeak: Int,
            timeToFirstToken: Double?, isPareto: Bool, isOwn: Bool = false
        ) {
            self.name = name
            self.stepTime = stepTime
            self.tokensPerSecondPerGPU = tokensPerSecondPerGPU
            self.memoryPeak = memoryPeak
            self.timeToFirstToken = timeToFirstToken
            self.isPareto = isPareto
            self.isOwn = isOwn
        }
    }

    /// How many strategies were looked at, in one line.
    package var summary: String
    package var strategies: [Strategy]
    package var memoryLimit: Int?

    package init(summary: String, strategies: [Strategy], memoryLimit: Int?) {
        self.summary = summary
        self.strategies = strategies
        self.memoryLimit = memoryLimit
    }
}
