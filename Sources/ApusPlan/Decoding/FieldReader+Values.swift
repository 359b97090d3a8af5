import ApusBase

/// Reading one value, within the limits of its key.
extension FieldReader {
    /// The integer under a key; where it is missing, the default, or a problem if there is none.
    mutating func integer(
        _ key: String, in section: Section, default missing: Int? = nil
    ) -> Int {
        let range = integerRange(key, in: section)
        let expected = "an integer from \(range.lowerBound) to \(range.upperBound)"
        guard let node = section.value(key) else {
            if missing == nil { rejectMissing(key, in: section, expected: expected) }
            return missing ?? range.lowerBound
        }
        return integer(node, at: section.path(of: key), range) ?? missing ?? range.lowerBound
    }

    /// The integer under a key that has no default, or `nil` where it is missing or unusable.
    mutating func optionalInteger(_ key: String, in section: Section) -> Int? {
        guard let node = section.value(key) else { return nil }
        return integer(node, at: section.path(of: key), integerRange(key, in: section))
    }

    private func integerRange(_ key: String, in section: Section) -> ClosedRange<Int> {
        switch section.content(of: key) {
        case .integer(let range): range
        case .integers, .number, .numbers, .flag, .text, .texts, .choice, .section, .sections,
            .anything:
            preconditionFailure("`\(section.path(of: key))` is an integer in its table")
        }
    }

    private mutating func integer(
        _ node: YAMLNode, at path: String, _ range: ClosedRange<Int>
    ) -> Int? {
        let expected = "an integer from \(range.lowerBound) to \(range.upperBound)"
        guard let number = decimalNumber(node) else {
            rejectType(path, node, expected: expected)
            return nil
        }
        let value = Int(number.text) ?? Int(exactly: number.value)
        if let value, range.contains(value) { return value }
        let isWhole = number.value.rounded() == number.value
        reject(
            isWhole ? .outOfRange : .wrongType, path, "`\(path)` is \(node.summary)",
            expected: expected)
        return nil
    }

    /// The integers of a list, at least one; empty where the list cannot be used.
    mutating func integers(_ key: String, in section: Section) -> [Int] {
        let path = section.path(of: key)
        guard case .integers(let range, let countMax) = section.content(of: key) else {
            preconditionFailure("`\(path)` is a list of integers in its table")
        }
        let expected =
            "a list of 1 to \(countMax) integers from \(range.lowerBound) to \(range.upperBound)"
        guard let node = section.value(key) else {
            rejectMissing(key, in: section, expected: expected)
            return []
        }
        return elements(of: node, at: path, countMax: countMax, expected: expected)
            .compactMap { integer($0.node, at: $0.path, range) }
    }

    /// The numbers of a list, at least one; empty where the list cannot be used.
    mutating func numbers(_ key: String, in section: Section) -> [Double] {
        let path = section.path(of: key)
        guard case .numbers(let range, let countMax) = section.content(of: key) else {
            preconditionFailure("`\(path)` is a list of numbers in its table")
        }
        guard let node = section.value(key) else { return [] }
        let expected = "a list of 1 to \(countMax) numbers"
        return elements(of: node, at: path, countMax: countMax, expected: expected)
            .compactMap { number($0.node, at: $0.path, range) }
    }

    private mutating func elements(
        of node: YAMLNode, at path: String, countMax: Int, expected: String
    ) -> [(node: YAMLNode, path: String)] {
        guard case .sequence(let nodes) = node.content, (1...countMax).contains(nodes.count) else {
            rejectType(path, node, expected: expected)
            return []
        }
        return nodes.enumerated().map { index, node in
            let location = Diagnostic.Location(
                file: file, line: node.position.line, column: node.position.column)
            positions.insert(location, for: "\(path)[\(index)]")
            return (node, "\(path)[\(index)]")
        }
    }

    /// The number under a key; where it is missing, the default, or a problem if there is none.
    mutating func number(
        _ key: String, in section: Section, default missing: Double? = nil
    ) -> Double {
        let path = section.path(of: key)
        guard case .number(let range) = section.content(of: key) else {
            preconditionFailure("`\(path)` is a number in its table")
        }
        guard let node = section.value(key) else {
            if missing == nil { rejectMissing(key, in: section, expected: numberExpected(range)) }
            return missing ?? range.lowerBound
        }
        return number(node, at: path, range) ?? missing ?? range.lowerBound
    }

    private func numberExpected(_ range: ClosedRange<Double>) -> String {
        "a number from \(short(range.lowerBound)) to \(short(range.upperBound))"
    }

    mutating func number(
        _ node: YAMLNode, at path: String, _ range: ClosedRange<Double>
    ) -> Double? {
        guard let number = decimalNumber(node) else {
            rejectType(path, node, expected: numberExpected(range))
            return nil
        }
        guard range.contains(number.value) else {
            reject(
                .outOfRange, path, "`\(path)` is \(node.summary)", expected: numberExpected(range))
            return nil
        }
        return number.value
    }

    mutating func flag(_ key: String, in section: Section, default missing: Bool) -> Bool {
        guard let node = section.value(key) else { return missing }
        if let value = truth(node) { return value }
        rejectType(section.path(of: key), node, expected: "`true` or `false`")
        return missing
    }

    /// The text under a key, not empty; where it is missing, the default, or a problem.
    mutating func text(_ key: String, in section: Section, default missing: String? = nil) -> String
    {
        let expected = "text of at most \(FileLimits.textLength) characters"
        guard let node = section.value(key) else {
            if missing == nil { rejectMissing(key, in: section, expected: expected) }
            return missing ?? ""
        }
        guard case .scalar(let text, _) = node.content, !node.isNull, !text.isEmpty,
            text.utf8.count <= FileLimits.textLength
        else {
            rejectType(section.path(of: key), node, expected: expected)
            return missing ?? ""
        }
        return text
    }

    /// The text under a key that has no default, or `nil` where it is missing or unusable.
    mutating func optionalText(_ key: String, in section: Section) -> String? {
        guard section.value(key) != nil else { return nil }
        let text = text(key, in: section)
        return text.isEmpty ? nil : text
    }

    /// The names of an enumeration that a list gives, at least one; empty where it is unusable.
    mutating func choices<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, in section: Section
    ) -> [Choice] {
        let path = section.path(of: key)
        guard case .texts(let countMax) = section.content(of: key) else {
            preconditionFailure("`\(path)` is a list of names in its table")
        }
        guard let node = section.value(key) else { return [] }
        let expected = "a list of 1 to \(countMax) names"
        return elements(of: node, at: path, countMax: countMax, expected: expected)
            .compactMap { choice($0.node, at: $0.path) }
    }

    /// One of the names of an enumeration.
    mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, in section: Section, default missing: Choice
    ) -> Choice {
        guard let node = section.value(key) else { return missing }
        return choice(node, at: section.path(of: key)) ?? missing
    }

    mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ node: YAMLNode, at path: String
    ) -> Choice? {
        name(node, at: path, among: Choice.allCases.map(\.rawValue)).flatMap(Choice.init)
    }

    /// One of a list of names.
    mutating func name(_ node: YAMLNode, at path: String, among names: [String]) -> String? {
        guard case .scalar(let text, _) = node.content, !node.isNull else {
            rejectType(path, node, expected: alternatives(names))
            return nil
        }
        if names.contains(text) { return text }
        reject(
            .unknownValue, path, "`\(path)` is `\(excerpt(text))`", expected: alternatives(names),
            hint: Suggestion(for: text, among: names).hint)
        return nil
    }
}

/// `a, b or c`.
func alternatives(_ names: [String]) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " or " + last
}

/// A number without the `.0` that Swift adds to whole ones.
package func plain(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// A power of ten as one, such as `1e9`; other numbers as they are.
private func short(_ value: Double) -> String {
    var power = 0
    var rest = value
    while rest >= 10 {
        rest /= 10
        power += 1
    }
    return power > 4 && rest == 1 ? "1e\(power)" : plain(value).replacing("e-0", with: "e-")
}

func truth(_ node: YAMLNode) -> Bool? {
    guard case .scalar(let text, isText: false) = node.content else { return nil }
    if ["true", "True", "TRUE"].contains(text) { return true }
    return ["false", "False", "FALSE"].contains(text) ? false : nil
}

/// The number that a node holds, with its text, or `nil` where it holds something else.
///
/// `inf` and `nan` are words here, not numbers; a number too large for `Double` is infinite.
func decimalNumber(_ node: YAMLNode) -> (text: String, value: Double)? {
    guard case .scalar(let text, isText: false) = node.content, text.utf8.count <= 64,
        text.utf8.contains(where: { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        text.allSatisfy({ "0123456789+-.eE".contains($0) }), let value = Double(text)
    else { return nil }
    return (text, value)
}
