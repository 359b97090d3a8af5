import ApusBase
import ApusPlan

/// Whether the arithmetic that a document gives with a claim has the claimed result.
struct FormulaCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        audit.deployment.claims.flatMap { claim -> [Diagnostic] in
            guard let quantity = Quantity(rawValue: claim.quantity), quantity.kind == .number else {
                return []
            }
            let length = claim.sequenceLength ?? audit.deployment.workload.sequenceLengths[0]
            let values = audit.quantities.formulaValues(at: length)
            var problems: [Diagnostic] = []
            let formula = evaluated("formula", claim.formula, claim, audit, values, &problems)
            let terms = evaluated("terms", claim.terms, claim, audit, values, &problems)
            if let sum = disagreement(claim, quantity, formula, terms, audit, values) {
                problems.append(sum)
            }
            return problems
        }
    }

    private struct Evaluated {
        var formula: Formula
        var value: Double
    }

    private func evaluated(
        _ key: String, _ text: String?, _ claim: Claim, _ audit: Audit,
        _ values: [String: Double], _ problems: inout [Diagnostic]
    ) -> Evaluated? {
        guard let text else { return nil }
        let path = "\(audit.path(of: claim)).\(key)"
        func reject(_ reason: String, hint: String? = nil) {
            problems.append(
                audit.problem(
                    .claimFormula, path, "`\(excerpt(text))` cannot be computed: \(reason)",
                    expected: "numbers, `+ - * /`, parentheses and names such as `hidden`",
                    hint: hint))
        }
        let formula: Formula
        do throws(Formula.Failure) { formula = try Formula(text) } catch {
            reject(error.reason)
            return nil
        }
        if let name = formula.names.first(where: { values[$0] == nil }) {
            reject(
                "`\(excerpt(name))` is no name that has a value here",
                hint: Suggestion(for: name, among: values.keys.sorted()).hint)
            return nil
        }
        guard let value = formula.value(values), value.isFinite else {
            reject("the result is no finite number")
            return nil
        }
        return Evaluated(formula: formula, value: value)
    }

    /// A formula against its terms, and the claim against both.
    private func disagreement(
        _ claim: Claim, _ quantity: Quantity, _ formula: Evaluated?, _ terms: Evaluated?,
        _ audit: Audit, _ values: [String: Double]
    ) -> Diagnostic? {
        guard let total = formula ?? terms else { return nil }
        let unit = quantity.unit.map { " \($0)" } ?? ""
        let rows = [("formula", formula), ("terms", terms)].compactMap { name, evaluated in
            evaluated.map { (name: name, result: $0.value / quantity.baseUnits) }
        }
        var details = rows.map { row in
            "\(row.name): \(row.name == "formula" ? claim.formula ?? "" : claim.terms ?? "") = "
                + "\(figure(row.result))\(unit)"
        }
        if let claimed = claimedNumber(claim) {
            details += rows.filter { !agrees($0.result, claimed) }.map { row in
                "the claim, \(figure(claimed))\(unit), is \(figure(claimed / row.result)) times "
                    + "the \(row.name)"
            }
        }
        let path = audit.path(of: claim)
        if let formula, let terms, !agrees(formula.value, terms.value) {
            let common = formula.formula.names.filter(terms.formula.names.contains)
            let product = common.compactMap { values[$0] }.reduce(1, *)
            let names = common.isEmpty ? "" : "·" + common.joined(separator: "·")
            return audit.problem(
                .claimFormula, path,
                "the terms of `\(excerpt(claim.id))` add up to "
                    + "\(figure(terms.value / product))\(names), its formula says "
                    + "\(figure(formula.value / product))\(names)",
                details: details)
        }
        guard let claimed = claimedNumber(claim),
            !agrees(total.value / quantity.baseUnits, claimed)
        else { return nil }
        return audit.problem(
            .claimFormula, path,
            "`\(excerpt(claim.id))` is \(figure(claimed))\(unit), its own formula gives "
                + "\(figure(total.value / quantity.baseUnits))\(unit)", details: details,
            expected: "\(figure(total.value / quantity.baseUnits))\(unit) by the formula")
    }

    private func claimedNumber(_ claim: Claim) -> Double? {
        guard case .number(let number) = claim.value else { return nil }
        return number
    }

    private func agrees(_ left: Double, _ right: Double) -> Bool {
        isNear(left, right, within: Audit.tolerance)
    }
}
