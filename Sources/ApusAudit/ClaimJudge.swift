import ApusBase
import ApusPlan

/// Holds claims against the quantities they speak of.
///
/// What is computed for one claim is kept for the next: a file may have a thousand of them.
struct ClaimJudge {
    private struct Place: Hashable {
        var quantity: Quantity
        var length: Int
        /// The value claimed, where what would be right depends on it.
        var value: Claim.Value?
    }

    let audit: Audit
    /// What is wrong with the claims themselves.
    private(set) var problems: [Diagnostic] = []
    private var measures: [Place: Measure] = [:]
    private var repairs: [Place: [Repair]] = [:]

    init(_ audit: Audit) { self.audit = audit }

    private var deployment: Deployment { audit.deployment }

    /// The verdict on a claim that stands at a key path.
    mutating func verdict(on claim: Claim, at path: String) -> ClaimVerdict {
        guard let quantity = Quantity(rawValue: claim.quantity) else {
            let names = Quantity.allCases.map(\.rawValue)
            let suggestion = Suggestion(for: claim.quantity, among: names)
            problems.append(
                audit.problem(
                    .unknownValue, "\(path).quantity",
                    "`\(path).quantity` is `\(excerpt(claim.quantity))`",
                    expected: suggestion.expected, hint: suggestion.hint))
            return audit.open(claim, "`\(excerpt(claim.quantity))` is no quantity that Apus knows")
        }
        guard isOfKind(claim.value, quantity.kind) else {
            let expected = expected(quantity.kind)
            problems.append(
                audit.problem(
                    .wrongType, "\(path).value",
                    "`\(path).value` is \(words(claim.value)), but `\(quantity.rawValue)` is "
                        + "\(expected.noun)", expected: expected.text))
            return audit.open(claim, "the value is not \(expected.noun)", unit: quantity.unit)
        }
        if quantity == .launchCommand { return audit.launchVerdict(on: claim) }
        if let length = claim.sequenceLength {
            checkLength(length, path: path)
            return judge(claim, quantity, at: length)
        }
        let lengths =
            quantity.dependsOnLength
            ? deployment.workload.sequenceLengths
            : Array(deployment.workload.sequenceLengths.prefix(1))
        // A claim without a length is made for all of them: the worst verdict stands.
        var verdicts: [ClaimVerdict] = []
        for length in lengths { verdicts.append(judge(claim, quantity, at: length)) }
        let order = ClaimVerdict.Verdict.allCases
        let worst = order.lazy.compactMap { verdict in
            verdicts.first { $0.verdict == verdict }
        }.first
        var result = worst ?? audit.open(claim, "the workload has no sequence length")
        if !quantity.dependsOnLength { result.sequenceLength = nil }
        return result
    }

    /// A claim's length must have a bucket.
    private mutating func checkLength(_ length: Int, path: String) {
        guard let plan = deployment.plan, plan.bucket(forLength: length) == nil else { return }
        problems.append(
            audit.problem(
                .sequenceLength, "\(path).at",
                "`\(path).at` is \(length), `plan.by_sequence_length` ends at "
                    + "\(plan.buckets.last?.lengthMax ?? 0)",
                hint: "add a bucket of that length, or leave the claim out"))
    }

    private mutating func judge(
        _ claim: Claim, _ quantity: Quantity, at length: Int
    ) -> ClaimVerdict {
        let measure = measure(quantity, at: length)
        var result = ClaimVerdict(
            claim: claim, verdict: .unverifiable, sequenceLength: length,
            computed: measure.value, confidence: measure.confidence, unit: quantity.unit,
            why: measure.why, source: measure.source)
        guard let computed = measure.value else { return result }
        if let bound = violated(claim.value, measure) {
            result.verdict = .wrong
            result.why = "\(bound); predicted: \(measure.why)"
        } else if !measure.isPredicted {
            result.verdict = agrees(claim.value, computed) ? .holds : .wrong
        }
        if result.verdict == .unverifiable {
            result.why += distance(of: claim.value, from: measure)
        }
        if result.verdict == .wrong {
            result.repairs = repairs(of: claim, quantity, at: length, computed: computed)
        }
        return result
    }

    private mutating func measure(_ quantity: Quantity, at length: Int) -> Measure {
        let place = Place(quantity: quantity, length: length)
        if let known = measures[place] { return known }
        let measure = audit.quantities.measure(quantity, at: length)
        measures[place] = measure
        return measure
    }

    private mutating func repairs(
        of claim: Claim, _ quantity: Quantity, at length: Int, computed: Claim.Value
    ) -> [Repair] {
        let isByValue = Audit.repairsDependOnValue.contains(quantity)
        let place = Place(
            quantity: quantity, length: length, value: isByValue ? claim.value : nil)
        if let known = repairs[place] { return known }
        let found = audit.repairs(of: claim, quantity, at: length, computed: computed)
        repairs[place] = found
        return found
    }

    /// How far a claim is from a prediction whose confidence it lies outside of, in words.
    private func distance(of value: Claim.Value, from measure: Measure) -> String {
        guard let confidence = measure.confidence, let predicted = measure.number, predicted > 0
        else { return "" }
        let claimed: Double
        switch value {
        case .number(let number): claimed = number
        case .range(let low, let high): claimed = predicted < low ? low : high
        case .truth, .text: return ""
        }
        guard claimed < confidence.low || claimed > confidence.high else { return "" }
        return "; the claim is \(figure(claimed / predicted)) times that"
    }

    /// The bound that a claim passes, in words.
    private func violated(_ value: Claim.Value, _ measure: Measure) -> String? {
        let low: Double
        let high: Double
        switch value {
        case .number(let number): (low, high) = (number, number)
        case .range(let from, let to): (low, high) = (from, to)
        case .truth, .text: return nil
        }
        if let bound = measure.atMost, low > bound.value * (1 + 1e-9) {
            return "at most \(bound.why)"
        }
        if let bound = measure.atLeast, high < bound.value * (1 - 1e-9) {
            return "at least \(bound.why)"
        }
        return nil
    }

    /// Whether a claim is within 5 % of the value, or its range holds the value.
    private func agrees(_ claimed: Claim.Value, _ computed: Claim.Value) -> Bool {
        switch (claimed, computed) {
        case (.number(let claimed), .number(let computed)):
            return (claimed - computed).magnitude <= Audit.tolerance * computed.magnitude
        case (.range(let low, let high), .number(let computed)):
            return (low...high).contains(computed)
        case (.truth(let claimed), .truth(let computed)): return claimed == computed
        case (.text(let claimed), .text(let computed)): return claimed == computed
        case (.number, _), (.range, _), (.truth, _), (.text, _): return false
        }
    }

    private func isOfKind(_ value: Claim.Value, _ kind: Quantity.Kind) -> Bool {
        switch value {
        case .number, .range: kind == .number
        case .truth: kind == .truth
        case .text: kind == .text
        }
    }

    private func expected(_ kind: Quantity.Kind) -> (noun: String, text: String) {
        switch kind {
        case .number: ("a number", "a number, or a range such as `[0.15, 0.2]`")
        case .truth: ("true or false", "`true` or `false`")
        case .text: ("text", "the command as one line of text")
        }
    }

    private func words(_ value: Claim.Value) -> String {
        switch value {
        case .number(let number): "`\(plain(number))`"
        case .range(let low, let high): "`[\(plain(low)), \(plain(high))]`"
        case .truth(let truth): "`\(truth)`"
        case .text(let text): "the text `\(excerpt(text))`"
        }
    }
}
