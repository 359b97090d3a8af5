/// The limits on files, functions and lines.
enum TidySizes {
    static let fileLinesMax = 250
    static let fileLinesLimit = 500
    static let functionLinesMax = 70
    static let columnsMax = 100

    /// Files longer than 250 lines without an exception, longer than 500 with one, and exceptions
    /// that are not needed.
    static func longFiles(
        in repository: Repository, exceptions: TidyExceptions = .apus
    ) -> [Violation] {
        repository.files.filter(\.isProgram).compactMap { file in
            let lines = file.lines.count
            let mayBeLong = exceptions.longFiles[file.path] != nil
            if lines > fileLinesLimit || lines > fileLinesMax && !mayBeLong {
                let limit = mayBeLong ? fileLinesLimit : fileLinesMax
                return Violation(file.path, "has \(lines) lines, more than \(limit)")
            }
            guard mayBeLong, lines <= fileLinesMax else { return nil }
            return Violation(file.path, "has \(lines) lines and needs no exception")
        }
    }

    static func longLines(in repository: Repository) -> [Violation] {
        repository.files.filter(\.isProgram).flatMap { file in
            file.lines.enumerated().compactMap { index, line in
                guard line.utf8.count > columnsMax, line.count > columnsMax else { return nil }
                return Violation(file.path, line: index + 1, "has \(line.count) columns")
            }
        }
    }

    /// Functions, initialisers and computed properties longer than 70 lines, signature included.
    static func longFunctions(in repository: Repository) -> [Violation] {
        repository.files.flatMap { file -> [Violation] in
            guard let source = file.source else { return [] }
            return functions(in: source.code, language: source.language).compactMap { function in
                let count = function.count
                guard count > functionLinesMax else { return nil }
                return Violation(
                    file.path, line: function.lowerBound + 1, "a function has \(count) lines")
            }
        }
    }

    /// The lines of each function, from its signature to its closing brace.
    ///
    /// In Swift a function starts with its keyword. In C++ every block whose opening line has a
    /// parenthesis before the brace counts, control statements too: they are shorter anyway.
    static func functions(in lines: [String], language: SourceText.Language) -> [ClosedRange<Int>] {
        /// An open brace, and the line on which the function that it belongs to starts.
        var open: [Int?] = []
        /// A signature whose body has not started yet, and the parentheses open in it.
        var signature: (line: Int, parentheses: Int)?
        var found: [ClosedRange<Int>] = []
        for (index, line) in lines.enumerated() {
            // Directives of the preprocessor have parentheses but no bodies.
            if language == .cPlusPlus, line.hasPrefix("#") { continue }
            if signature == nil || language == .swift, startsFunction(line, language: language) {
                signature = (index, 0)
            }
            for character in line {
                switch character {
                case "(":
                    signature?.parentheses += 1
                case ")":
                    signature?.parentheses -= 1
                case "{":
                    let isBody = signature.map { $0.parentheses <= 0 } ?? false
                    open.append(isBody ? signature?.line : nil)
                    if isBody { signature = nil }
                case "}":
                    if let start = open.popLast() ?? nil { found.append(start...index) }
                    // A requirement without a body ends with the type it stands in.
                    signature = nil
                case ";":
                    signature = nil
                default:
                    break
                }
            }
        }
        return found
    }

    private static func startsFunction(_ line: String, language: SourceText.Language) -> Bool {
        switch language {
        case .swift:
            // `import func Glibc.log2` declares none.
            if line.mentions("import") { return false }
            if line.contains("{"), line.mentions("var") { return true }
            return ["func", "subscript", "deinit"].contains { line.mentions($0) }
                || line.mentions("init(") || line.mentions("init?(")
        case .cPlusPlus:
            return line.contains("(")
        }
    }
}

extension Repository.File {
    var lines: [Substring] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// Whether the file is code, of whatever kind.
    var isProgram: Bool {
        source != nil || name == "Makefile" || [".sh", ".py"].contains { path.hasSuffix($0) }
            || text.hasPrefix("#!") || folder == "scripts"
    }
}
