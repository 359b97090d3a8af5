import ApusBase
import ApusPlan

/// How a claim is held against the quantity it speaks of.
extension Audit {
    /// The share by which a claim that holds may differ from the computed value.
    static let tolerance = 0.05

    func verdict(
        on claim: Claim, at path: String, problems: inout [Diagnostic]
    ) -> ClaimVerdict {
        guard let quantity = Quantity(rawValue: claim.quantity) else {
            let names = Quantity.allCases.map(\.rawValue)
            let suggestion = Suggestion(for: claim.quantity, among: names)
            problems.append(
                problem(
                    .unknownValue, "\(path).quantity",
                    "`\(path).quantity` is `\(excerpt(claim.quantity))`",
                    expected: suggestion.expected, hint: suggestion.hint))
            return open(claim, "`\(excerpt(claim.quantity))` is no quantity that Apus knows")
        }
        guard isOfKind(claim.value, quantity.kind) else {
            let expected = expected(quantity.kind)
            problems.append(
                problem(
                    .wrongType, "\(path).value",
                    "`\(path).value` is \(words(claim.value)), but `\(quantity.rawValue)` is "
                        + "\(expected.noun)", expected: expected.text))
            return open(claim, "the value is not \(expected.noun)", unit: quantity.unit)
        }
        if quantity == .launchCommand { return launchVerdict(on: claim) }
        if let length = claim.sequenceLength {
            return judge(claim, quantity, at: length, problems: &problems, path: path)
        }
        let lengths =
            quantity.dependsOnLength
            ? deployment.workload.sequenceLengths
            : Array(deployment.workload.sequenceLengths.prefix(1))
        // A claim without a length is made for all of them: the worst verdict stands.
        let verdicts = lengths.map { judge(claim, quantity, at: $0) }
        let order = ClaimVerdict.Verdict.allCases
        let worst = order.lazy.compactMap { verdict in
            verdicts.first { $0.verdict == verdict }
        }.first
        var result = worst ?? open(claim, "the workload has no sequence length")
        if !quantity.dependsOnLength { result.sequenceLength = nil }
        return result
    }

    /// A claim whose length must have a bucket.
    private func judge(
        _ claim: Claim, _ quantity: Quantity, at length: Int, problems: inout [Diagnostic],
        path: String
    ) -> ClaimVerdict {
        if let plan = deployment.plan, plan.bucket(forLength: length) == nil {
            problems.append(
                problem(
                    .sequenceLength, "\(path).at",
                    "`\(path).at` is \(length), `plan.by_sequence_length` ends at "
                        + "\(plan.buckets.last?.lengthMax ?? 0)",
                    hint: "add a bucket of that length, or leave the claim out"))
        }
        return judge(claim, quantity, at: length)
    }

    private func judge(_ claim: Claim, _ quantity: Quantity, at length: Int) -> ClaimVerdict {
        let measure = quantities.measure(quantity, at: length)
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
            return (claimed - computed).magnitude <= Self.tolerance * computed.magnitude
        case (.range(let low, let high), .number(let computed)):
            return (low...high).contains(computed)
        case (.truth(let claimed), .truth(let computed)): return claimed == computed
        case (.text(let claimed), .text(let computed)): return claimed == computed
        case (.number, _), (.range, _), (.truth, _), (.text, _): return false
        }
    }

    /// A claim that cannot be judged.
    func open(_ claim: Claim, _ reason: String, unit: String? = nil) -> ClaimVerdict {
        ClaimVerdict(
            claim: claim, verdict: .unverifiable, sequenceLength: claim.sequenceLength,
            computed: nil, unit: unit, why: reason, source: definition)
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
