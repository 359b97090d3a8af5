import ApusBase

extension FieldReader {
    mutating func claim(_ section: Section) -> Claim {
        Claim(
            id: text("id", in: section), quantity: text("quantity", in: section),
            value: claimValue(section), sequenceLength: optionalInteger("at", in: section),
            formula: optionalText("formula", in: section),
            terms: optionalText("terms", in: section))
    }

    /// A number, a range of two, a truth or a text.
    private mutating func claimValue(_ section: Section) -> Claim.Value {
        let path = section.path(of: "value")
        let expected = "a number, a range such as `[0.15, 0.2]`, `true`, `false` or text"
        guard case .number(let limits) = section.content(of: "value") else {
            preconditionFailure("`\(path)` is a number in its table")
        }
        guard let node = section.value("value") else {
            rejectMissing("value", in: section, expected: expected)
            return .number(0)
        }
        if case .sequence(let bounds) = node.content, bounds.count == 2,
            let low = number(bounds[0], at: path, limits),
            let high = number(bounds[1], at: path, limits)
        {
            if low <= high { return .range(low, high) }
            reject(
                .outOfRange, path, "`\(path)` goes from \(plain(low)) down to \(plain(high))",
                expected: "the lower bound first")
            return .number(0)
        }
        if let truth = truth(node) { return .truth(truth) }
        if decimalNumber(node) != nil { return .number(number(node, at: path, limits) ?? 0) }
        guard case .scalar(let text, _) = node.content, !node.isNull,
            text.utf8.count <= FileLimits.textLength
        else {
            rejectType(path, node, expected: expected)
            return .number(0)
        }
        return .text(text)
    }

    /// An audit names its findings by the claims' ids, so no two may be the same.
    mutating func reportDuplicates(in claims: [Claim]) {
        var seen: Set<String> = []
        for (index, claim) in claims.enumerated() where !claim.id.isEmpty {
            guard !seen.insert(claim.id).inserted else { continue }
            let path = "claims[\(index)].id"
            reject(
                .duplicateKey, path, "the claim `\(excerpt(claim.id))` is given twice",
                hint: "give each claim an id of its own")
        }
    }
}
