import ApusPlan

/// Reads a formula by recursive descent, as deep as `depthMax`.
struct FormulaParser {
    private enum Token: Hashable {
        case number(Double)
        case name(String)
        case sign(Character)
    }

    private static let depthMax = 32
    private let text: String
    private var tokens: [Token] = []
    private var next = 0
    private var failure: Formula.Failure?

    init(_ text: String) {
        self.text = text
        readTokens()
    }

    mutating func formula() throws(Formula.Failure) -> Formula.Node {
        if let failure { throw failure }
        let node = try sum(depth: 0)
        guard next == tokens.count else { throw unexpected() }
        return node
    }

    private mutating func readTokens() {
        let letters = Array(text)
        var index = 0
        func run(_ isPart: (Character) -> Bool) -> String {
            let start = index
            while index < letters.count, isPart(letters[index]) { index += 1 }
            return String(letters[start..<index])
        }
        while index < letters.count, failure == nil {
            let letter = letters[index]
            if letter.isWhitespace {
                index += 1
            } else if letter.isASCII, letter.isNumber || letter == "." {
                var word = run { $0.isASCII && $0.isNumber || $0 == "." }
                if index < letters.count, letters[index] == "e" || letters[index] == "E" {
                    word.append(letters[index])
                    index += 1
                    if index < letters.count, "+-".contains(letters[index]) {
                        word.append(letters[index])
                        index += 1
                    }
                    word += run { $0.isASCII && $0.isNumber }
                }
                guard let number = Double(word), number.isFinite else {
                    failure = Formula.Failure(reason: "`\(excerpt(word))` is no number")
                    return
                }
                tokens.append(.number(number))
            } else if letter.isASCII, letter.isLetter {
                tokens.append(
                    .name(run { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }))
            } else if let sign = Self.sign(letter) {
                tokens.append(.sign(sign))
                index += 1
            } else {
                failure = Formula.Failure(reason: "`\(excerpt(String(letter)))` has no meaning")
            }
        }
    }

    private static func sign(_ letter: Character) -> Character? {
        switch letter {
        case "+", "(", ")": letter
        case "-", "−": "-"
        case "*", "×", "·": "*"
        case "/", "÷": "/"
        default: nil
        }
    }

    private mutating func take(_ signs: Set<Character>) -> Character? {
        guard next < tokens.count, case .sign(let sign) = tokens[next], signs.contains(sign) else {
            return nil
        }
        next += 1
        return sign
    }

    private mutating func sum(depth: Int) throws(Formula.Failure) -> Formula.Node {
        var node = try product(depth: depth)
        while let sign = take(["+", "-"]) {
            let right = try product(depth: depth)
            node = sign == "+" ? .sum(node, right) : .difference(node, right)
        }
        return node
    }

    private mutating func product(depth: Int) throws(Formula.Failure) -> Formula.Node {
        var node = try factor(depth: depth)
        while let sign = take(["*", "/"]) {
            let right = try factor(depth: depth)
            node = sign == "*" ? .product(node, right) : .quotient(node, right)
        }
        return node
    }

    private mutating func factor(depth: Int) throws(Formula.Failure) -> Formula.Node {
        guard depth < Self.depthMax else {
            throw Formula.Failure(reason: "parentheses are nested too deeply")
        }
        if take(["("]) != nil {
            let node = try sum(depth: depth + 1)
            guard take([")"]) != nil else { throw unexpected() }
            return node
        }
        guard next < tokens.count else { throw unexpected() }
        switch tokens[next] {
        case .number(let number):
            next += 1
            return .number(number)
        case .name(let name):
            next += 1
            return .name(name)
        case .sign: throw unexpected()
        }
    }

    private func unexpected() -> Formula.Failure {
        guard next < tokens.count else { return Formula.Failure(reason: "it ends too early") }
        let word =
            switch tokens[next] {
            case .number(let number): plain(number)
            case .name(let name): name
            case .sign(let sign): String(sign)
            }
        return Formula.Failure(reason: "`\(excerpt(word))` does not belong there")
    }
}
