/// Files that nothing uses.
struct DeadFiles {
    let repository: Repository
    var exceptions: TidyExceptions = .apus

    /// Swift files of which no other source file names anything.
    ///
    /// A library for tests may be used by tests only. A file counts as used when one of the names
    /// that it declares at its top level (for extensions: in the extension) stands in another file,
    /// or when it extends a type of another file with nothing that has a name.
    func unusedSources() -> [Violation] {
        let sources = repository.files(in: "Sources").filter { $0.path.hasSuffix(".swift") }
        let tests = repository.files(in: "Tests").filter { $0.path.hasSuffix(".swift") }
        var users: [String: Set<String>] = [:]
        for file in sources + tests {
            let text = (file.source?.codeAndStrings ?? []).joined(separator: "\n")
            for word in Set(text.words) {
                users[word, default: []].insert(file.path)
            }
        }
        return sources.compactMap { file in
            let code = file.source?.code ?? []
            if code.contains(where: { $0.mentions("@main") }) { return nil }
            let isForTests = file.path.hasPrefix("Sources/ApusTestSupport/")
            let declared = Self.declarations(in: code)
            if declared.names.isEmpty && declared.extends { return nil }
            let isUsed = declared.names.contains { name in
                (users[name] ?? []).contains { user in
                    user != file.path && (isForTests || user.hasPrefix("Sources/"))
                }
            }
            return isUsed ? nil : Violation(file.path, "no other source file uses it")
        }
    }

    /// Documents and scripts that no other file names, and exceptions that are not needed.
    func unnamedFiles() -> [Violation] {
        let candidates = repository.files.filter { file in
            file.path.hasPrefix("scripts/") || file.path.hasPrefix(".ci/")
                || file.path.hasPrefix("docs/") && file.path.hasSuffix(".md")
        }
        return candidates.compactMap { file in
            let isNamed = repository.files.contains { other in
                other.path != file.path && other.folder != "Tests/ArchitectureTests"
                    && names(file, in: other)
            }
            let mayBeUnnamed = exceptions.unnamedFiles[file.path] != nil
            if isNamed == mayBeUnnamed {
                return Violation(
                    file.path,
                    isNamed ? "needs no exception" : "no other file names it")
            }
            return nil
        }
    }

    /// Example plans that no test names.
    func untestedPlans() -> [Violation] {
        let tests = repository.files(in: "Tests")
        return repository.files(in: "Plans").compactMap { plan in
            let isTested = tests.contains { $0.text.contains(plan.name) }
            return isTested ? nil : Violation(plan.path, "no test names it")
        }
    }

    /// A page on a diagnostic is named by the code that reports it, any other file by its path.
    private func names(_ file: Repository.File, in other: Repository.File) -> Bool {
        if file.folder == "docs/diagnostics" {
            return other.path.hasPrefix("Sources/")
                && other.text.contains("\"\(file.name.dropLast(3))\"")
        }
        if file.folder == other.folder { return other.text.contains(file.name) }
        let short = file.path.split(separator: "/").suffix(2).joined(separator: "/")
        return other.text.contains(short)
    }

    /// The names that a file declares, and whether it extends a type.
    static func declarations(in code: [String]) -> (names: Set<String>, extends: Bool) {
        let keywords: Set<String> = [
            "struct", "class", "enum", "protocol", "actor", "func", "typealias", "let", "var",
            "case",
        ]
        var names: Set<String> = []
        var extends = false
        var depth = 0
        /// The depth at which names count: 0 or, within an extension, 1.
        var extensionDepth: Int?
        for line in code {
            if depth == 0, line.mentions("extension") {
                extends = true
                extensionDepth = 1
            }
            if depth == 0 || depth == extensionDepth {
                let words = line.prefix { $0 != "{" && $0 != "=" && $0 != "(" }.words
                if !words.contains("private"),
                    let keyword = words.firstIndex(where: keywords.contains),
                    keyword + 1 < words.count
                {
                    names.insert(words[keyword + 1])
                }
            }
            for character in line {
                if character == "{" { depth += 1 }
                if character == "}" { depth -= 1 }
            }
            if depth == 0, line.contains("}") { extensionDepth = nil }
        }
        return (names, extends)
    }
}
