/// A source file in which code, string literals and comments are told apart.
///
/// It knows enough of Swift and C++ for that: nested comments, raw and multi-line strings,
/// interpolation, character literals. It does not know regex literals and C++ raw strings.
struct SourceText {
    enum Language {
        case swift, cPlusPlus
    }

    private enum Kind {
        case code, string, comment
    }

    let language: Language
    /// Each line's code, with a space for each byte of a string literal or a comment.
    let code: [String]
    /// Each line's comment, with its markers, or an empty string.
    let comments: [String]
    /// Each line's code and string literals.
    let codeAndStrings: [String]

    init(_ text: String, language: Language = .swift) {
        self.language = language
        var scanner = Scanner(bytes: Array(text.utf8), language: language)
        scanner.scan()
        code = scanner.lines { $0 == .code }
        comments = scanner.lines { $0 == .comment }.map { line in
            String(line.drop { $0 == " " })
        }
        codeAndStrings = scanner.lines { $0 != .comment }
    }

    /// Decides what each byte belongs to.
    private struct Scanner {
        let bytes: [UInt8]
        let language: Language
        var kinds: [Kind]
        var position = 0

        init(bytes: [UInt8], language: Language) {
            self.bytes = bytes
            self.language = language
            kinds = Array(repeating: .code, count: bytes.count)
        }

        mutating func scan() {
            while position < bytes.count {
                scanOne(as: .code)
            }
        }

        /// Steps over one comment, one literal or one byte of `kind`.
        private mutating func scanOne(as kind: Kind) {
            if starts("//") {
                while position < bytes.count, bytes[position] != UInt8(ascii: "\n") {
                    mark(.comment)
                }
            } else if starts("/*") {
                scanBlockComment()
            } else if let pounds = poundsBeforeQuote {
                scanString(pounds: pounds)
            } else if language == .cPlusPlus, starts("'"), !followsDigit {
                scanCharacter()
            } else {
                mark(kind)
            }
        }

        private mutating func scanBlockComment() {
            var depth = 0
            repeat {
                if starts("/*") {
                    depth += 1
                    mark(.comment, count: 2)
                } else if starts("*/") {
                    depth -= 1
                    mark(.comment, count: 2)
                } else {
                    mark(.comment)
                }
                // C++ comments do not nest.
                if language == .cPlusPlus { depth = min(depth, 1) }
            } while depth > 0 && position < bytes.count
        }

        private mutating func scanString(pounds: Int) {
            mark(.string, count: pounds)
            let quotes = language == .swift && starts("\"\"\"") ? 3 : 1
            let hashes = String(repeating: "#", count: pounds)
            let end = String(repeating: "\"", count: quotes) + hashes
            mark(.string, count: quotes)
            while position < bytes.count {
                if starts(end) {
                    mark(.string, count: end.utf8.count)
                    return
                }
                if language == .swift, starts("\\\(hashes)(") {
                    scanInterpolation(opening: pounds + 2)
                } else if starts("\\\(hashes)") {
                    mark(.string, count: pounds + 2)
                } else if quotes == 1, starts("\n") {
                    return
                } else {
                    mark(.string)
                }
            }
        }

        private mutating func scanInterpolation(opening: Int) {
            mark(.string, count: opening)
            var depth = 1
            while depth > 0, position < bytes.count {
                if starts("(") { depth += 1 }
                if starts(")") { depth -= 1 }
                scanOne(as: .string)
            }
        }

        private mutating func scanCharacter() {
            mark(.string)
            while position < bytes.count, !starts("'"), !starts("\n") {
                mark(.string, count: starts("\\") ? 2 : 1)
            }
            if starts("'") { mark(.string) }
        }

        /// How many `#` stand before the quote that starts here; nil where no string starts.
        private var poundsBeforeQuote: Int? {
            var end = position
            while language == .swift, end < bytes.count, bytes[end] == UInt8(ascii: "#") {
                end += 1
            }
            return end < bytes.count && bytes[end] == UInt8(ascii: "\"") ? end - position : nil
        }

        /// Whether a quote here separates digits, as in `1'000`.
        private var followsDigit: Bool {
            position > 0 && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position - 1])
        }

        private func starts(_ word: String) -> Bool {
            bytes[position...].starts(with: word.utf8)
        }

        private mutating func mark(_ kind: Kind, count: Int = 1) {
            let end = min(position + count, bytes.count)
            for index in position..<end {
                kinds[index] = kind
            }
            position = end
        }

        func lines(keeping isKept: (Kind) -> Bool) -> [String] {
            let blank = UInt8(ascii: " ")
            let newline = UInt8(ascii: "\n")
            let kept = bytes.indices.map { index in
                bytes[index] == newline || isKept(kinds[index]) ? bytes[index] : blank
            }
            return kept.split(separator: newline, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
        }
    }
}

extension StringProtocol {
    /// The identifiers and numbers in the text, in order.
    var words: [String] {
        let parts: [SubSequence] = split { !($0.isLetter || $0.isNumber || $0 == "_") }
        return parts.map { String($0) }
    }

    /// Whether `phrase` stands in the text and does not continue a longer word at its left.
    ///
    /// A phrase that ends in a letter must not continue at its right either.
    func mentions(_ phrase: String) -> Bool {
        func isWord(_ character: Character) -> Bool {
            character.isLetter || character.isNumber || character == "_"
        }
        return ranges(of: phrase).contains { range in
            let before = self[..<range.lowerBound].last
            let after = self[range.upperBound...].first
            let isOpen = phrase.last.map(isWord) ?? false
            return !(before.map(isWord) ?? false) && !(isOpen && (after.map(isWord) ?? false))
        }
    }
}
