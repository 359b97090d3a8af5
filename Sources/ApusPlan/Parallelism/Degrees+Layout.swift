package import ApusBase

extension Degrees {
    /// The degrees that a flag gives as a list such as `pp4,dp4,ep4`; those left out are 1.
    package init(layout: String) throws(Problems) {
        self.init()
        var problems: [Diagnostic] = []
        var seen: Set<String> = []
        let parts = layout.split(separator: ",", omittingEmptySubsequences: false)
        for part in parts.prefix(Self.layoutPartsMax) {
            let text = part.split(separator: " ").joined(separator: " ")
            let name = String(text.prefix { $0.isLetter })
            let number = text.dropFirst(name.count)
            guard let axis = Self.layoutAxes.first(where: { $0.name == name })?.degree else {
                problems.append(Self.unknownAxis(name, in: text))
                continue
            }
            guard seen.insert(name).inserted else {
                problems.append(
                    Self.problem(
                        .duplicateKey, "`--layout` gives `\(name)` twice", expected: nil))
                continue
            }
            let limits = FileSchema.ranks
            let isNumber = !number.isEmpty && number.allSatisfy { $0.isASCII && $0.isNumber }
            guard isNumber, let degree = Int(number), limits.contains(degree) else {
                problems.append(
                    Self.problem(
                        isNumber ? .outOfRange : .wrongType,
                        "`--layout` has `\(excerpt(text))`",
                        expected: "`\(name)` and an integer from \(limits.lowerBound) to "
                            + "\(limits.upperBound), such as `\(name)4`"))
                continue
            }
            self[keyPath: axis] = degree
        }
        if parts.count > Self.layoutPartsMax {
            problems.append(
                Self.problem(
                    .outOfRange, "`--layout` has \(parts.count) entries",
                    expected: "each axis once"))
        }
        guard problems.isEmpty else { throw Problems(problems) }
    }

    /// The degrees as such a list; degrees of 1 are left out, except where all are.
    package var layout: String {
        let parts = Self.layoutAxes.compactMap { name, axis in
            self[keyPath: axis] > 1 ? "\(name)\(self[keyPath: axis])" : nil
        }
        return parts.isEmpty ? "pp1" : parts.joined(separator: ",")
    }

    private static var layoutAxes: [(name: String, degree: WritableKeyPath<Degrees, Int>)] {
        [
            ("pp", \.pipeline), ("dp", \.data), ("cp", \.context), ("tp", \.tensor),
            ("ep", \.expert), ("etp", \.expertTensor),
        ]
    }

    private static let layoutPartsMax = 16

    private static func unknownAxis(_ name: String, in text: String) -> Diagnostic {
        let names = layoutAxes.map(\.name)
        return problem(
            name.isEmpty ? .wrongType : .unknownKey,
            name.isEmpty
                ? "`--layout` has `\(excerpt(text))`"
                : "`--layout` has the axis `\(excerpt(name))`",
            expected: "\(alternatives(names)), each with its degree, such as `pp4,dp4,ep4`")
    }

    private static func problem(
        _ code: DiagnosticCode, _ problem: String, expected: String?
    ) -> Diagnostic {
        Diagnostic(code, path: "--layout", problem: problem, expected: expected)
    }
}
