/// What no file may contain, and where.
enum TidyWords {
    /// A phrase in code, and the targets that may use it.
    struct Ban {
        let phrase: String
        var allowedIn: Set<String> = []
        let reason: String
    }

    static let bans = [
        Ban(phrase: "fatalError", reason: "state a precondition, or throw"),
        Ban(phrase: "try!", allowedIn: ["ApusEngine"], reason: "handle the error"),
        Ban(phrase: "as!", allowedIn: ["ApusEngine"], reason: "use `as?`"),
        Ban(
            phrase: "@unchecked Sendable", allowedIn: ["ApusEngine"],
            reason: "let the compiler prove it"),
        Ban(
            phrase: "nonisolated(unsafe)", allowedIn: ["ApusEngine"],
            reason: "let the compiler prove it"),
        Ban(
            phrase: "DispatchQueue", allowedIn: ["ApusControl", "apus"],
            reason: "below Control everything is synchronous"),
        Ban(
            phrase: "async", allowedIn: ["ApusControl", "apus"],
            reason: "below Control everything is synchronous"),
        Ban(phrase: "Date(", allowedIn: ["apus"], reason: "pass the time in"),
        Ban(phrase: "Date.now", allowedIn: ["apus"], reason: "pass the time in"),
    ]

    /// Names that say nothing about what is in a file.
    static let emptyNames = ["Utils", "Helpers", "Common", "Manager"]

    static func emptyNames(in repository: Repository) -> [Violation] {
        repository.files.compactMap { file in
            emptyNames.first { file.path.lowercased().contains($0.lowercased()) }.map {
                Violation(file.path, "`\($0)` says nothing about what is in it")
            }
        }
    }

    /// Banned phrases in Swift code; tests may do what their subjects may not, except for `!`.
    static func bannedPhrases(in repository: Repository) -> [Violation] {
        repository.files.filter { $0.path.hasSuffix(".swift") }.flatMap { file -> [Violation] in
            let parts = file.path.split(separator: "/").map(String.init)
            let isTest = parts.first == "Tests" || parts.contains("ApusTestSupport")
            let applied = bans.filter { ban in
                !ban.allowedIn.contains(parts.dropFirst().first ?? "")
                    && !(isTest && ban.allowedIn.contains("apus"))
            }
            return (file.source?.code ?? []).enumerated().flatMap { index, line in
                applied.filter { line.mentions($0.phrase) }.map {
                    Violation(file.path, line: index + 1, "`\($0.phrase)`: \($0.reason)")
                }
            }
        }
    }

    /// Notes to do something later that name no issue, in comments of any language.
    static func openNotes(in repository: Repository) -> [Violation] {
        let marks = ["TO" + "DO", "FIX" + "ME"]
        return repository.files.flatMap { file -> [Violation] in
            file.commentLines.enumerated().compactMap { index, line in
                guard let mark = marks.first(where: { line.mentions($0) }) else { return nil }
                let namesIssue = line.ranges(of: "#").contains { range in
                    line[range.upperBound...].first?.isNumber == true
                }
                return namesIssue
                    ? nil : Violation(file.path, line: index + 1, "`\(mark)` names no issue")
            }
        }
    }

    /// Folders that exist on one machine only.
    static func machinePaths(in repository: Repository) -> [Violation] {
        let folders = ["work", "tmp", "root"].map { "/\($0)/" }
        return repository.files.flatMap { file -> [Violation] in
            file.lines.enumerated().compactMap { index, line in
                // A folder of that name below another one is no absolute path.
                let found = folders.first { folder in
                    line.ranges(of: folder).contains { range in
                        let before = line[..<range.lowerBound].last
                        return
                            !(before.map { $0.isLetter || $0.isNumber || ".}_-*".contains($0) }
                            ?? false)
                    }
                }
                return found.map { Violation(file.path, line: index + 1, "names `\($0)`") }
            }
        }
    }

    /// Comments that look like code.
    static func commentedOutCode(in repository: Repository) -> [Violation] {
        repository.files.filter { $0.source != nil }.flatMap { file -> [Violation] in
            file.commentLines.enumerated().compactMap { index, line in
                guard line.hasPrefix("//"), !line.hasPrefix("///"), !line.hasPrefix("//!"),
                    looksLikeCode(line.drop { $0 == "/" || $0 == " " })
                else { return nil }
                return Violation(file.path, line: index + 1, "commented-out code: \(line)")
            }
        }
    }

    static func looksLikeCode(_ comment: Substring) -> Bool {
        let length = comment.lastIndex { $0 != " " }.map { comment[...$0].count } ?? 0
        let text = comment.prefix(length)
        if text.hasSuffix("{") || text.hasSuffix(";") || text == "}" || text == "})" { return true }
        let words = text.split(separator: " ").map(String.init)
        guard let first = words.first else { return false }
        if ["let", "var", "auto", "const"].contains(first) { return text.contains(" = ") }
        if ["func", "import", "struct", "class", "enum", "extension", "#include"].contains(first) {
            return words.count == 2 || text.contains("(")
        }
        if first == "return" { return words.count <= 2 || text.hasSuffix(")") }
        // A call that stands alone, as in `print(value)`.
        return text.hasSuffix(")") && first.contains("(") && !first.hasPrefix("(")
            && (first.contains(")") || text.contains(": "))
    }
}

extension Repository.File {
    /// Each line's comment; where comments cannot be told apart, the whole line.
    var commentLines: [String] {
        source?.comments ?? lines.map(String.init)
    }
}
