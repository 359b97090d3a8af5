import Testing

/// Each rule of `TidyTests` on a sample that breaks it and one that does not.
@Suite("Tidy rules")
struct TidyRuleTests {
    private func repository(_ files: (path: String, text: String)...) -> Repository {
        Repository(files: files.map { Repository.File(path: $0.path, text: $0.text) })
    }

    @Test("code, strings and comments are told apart")
    func separatesText() {
        let text = SourceText(
            #"""
            let a = "x // no \(f("}")) {" // yes {
            /* one /* two */ still */ let b = 1
            let c = #"\" raw "# + d
            """#)
        #expect(text.code[0].words == ["let", "a"])
        #expect(!text.code[0].contains("{"))
        #expect(text.comments[0] == "// yes {")
        #expect(text.code[1].words == ["let", "b", "1"])
        #expect(text.code[2].words == ["let", "c", "d"])
        #expect(text.codeAndStrings[0].contains("f("))
        let cPlusPlus = SourceText("char c = '\"'; int n = 1'000; // end", language: .cPlusPlus)
        #expect(cPlusPlus.code[0].words == ["char", "c", "int", "n", "1", "000"])
        #expect(cPlusPlus.comments[0] == "// end")
    }

    @Test("a multi-line string hides what stands in it")
    func separatesMultiLineStrings() {
        let text = SourceText("let a = \"\"\"\n  try! \"quoted\" // {\n  \"\"\"\nlet b = 2")
        #expect(text.code[1].words.isEmpty)
        #expect(text.comments[1].isEmpty)
        #expect(text.code[3].words == ["let", "b", "2"])
    }

    @Test("a long file needs an exception, a very long one gets none, and none is kept in vain")
    func findsLongFiles() {
        let line = "let x = 1\n"
        let files = repository(
            ("Sources/A/Fits.swift", String(repeating: line, count: 250)),
            ("Sources/A/Long.swift", String(repeating: line, count: 251)),
            ("Sources/A/Allowed.swift", String(repeating: line, count: 500)),
            ("Sources/A/Never.swift", String(repeating: line, count: 501)),
            ("scripts/tool", String(repeating: line, count: 251)))
        let exceptions = TidyExceptions(longFiles: [
            "Sources/A/Fits.swift": "", "Sources/A/Allowed.swift": "", "Sources/A/Never.swift": "",
        ])
        #expect(
            TidySizes.longFiles(in: files, exceptions: exceptions).map(\.description) == [
                "Sources/A/Fits.swift: has 250 lines and needs no exception",
                "Sources/A/Long.swift: has 251 lines, more than 250",
                "Sources/A/Never.swift: has 501 lines, more than 500",
                "scripts/tool: has 251 lines, more than 250",
            ])
    }

    @Test("a line of 101 columns is found, one of 100 characters of any width is not")
    func findsLongLines() {
        let files = repository(
            (
                "Engine/engine.cpp",
                "\(String(repeating: "é", count: 100))\n\(String(repeating: "x", count: 101))\n"
            ))
        #expect(
            TidySizes.longLines(in: files).map(\.description) == [
                "Engine/engine.cpp:2: has 101 columns"
            ])
    }

    @Test("a function of 71 lines is found in Swift and in C++", arguments: [70, 71])
    func findsLongFunctions(lines: Int) {
        let body = String(repeating: "    f();\n", count: lines - 2)
        let long = String(repeating: "    g();\n", count: 100)
        let cPlusPlus = "#if defined(A)\n#endif\nnamespace {\nint f(\n  int a) {\n"
        let files = repository(
            ("Sources/A/A.swift", "struct A {\nlet x = 1\nfunc f(a: [Int] = []) {\n\(body)}\n}\n"),
            ("Sources/A/B.swift", "protocol B {\nfunc f()\n}\nextension B {\n\(long)}\n"),
            ("Engine/a.cpp", "\(cPlusPlus)\(body.dropLast(9))}\n\(long)}\n"))
        let expected = [
            "Sources/A/A.swift:3: a function has 71 lines",
            "Engine/a.cpp:4: a function has 71 lines",
        ]
        #expect(
            TidySizes.longFunctions(in: files).map(\.description) == (lines > 70 ? expected : []))
    }

    @Test("empty names are found")
    func findsEmptyNames() {
        let files = repository(
            ("Sources/A/StringUtils.swift", ""), ("Sources/common/A.swift", ""),
            ("Sources/A/Plan.swift", ""))
        #expect(
            TidyWords.emptyNames(in: files).map(\.path) == [
                "Sources/A/StringUtils.swift", "Sources/common/A.swift",
            ])
    }

    @Test("every banned phrase is found in code, and only there", arguments: TidyWords.bans)
    func findsBannedPhrases(ban: TidyWords.Ban) {
        let text = "let a = 1\nx \(ban.phrase) y\n// \(ban.phrase)\nlet b = \"\(ban.phrase)\"\n"
        let files = repository(
            ("Sources/ApusPlan/A.swift", text), ("Sources/ApusEngine/A.swift", text),
            ("Sources/ApusControl/A.swift", text), ("Sources/apus/A.swift", text))
        let found = TidyWords.bannedPhrases(in: files).filter { $0.problem.contains(ban.phrase) }
        let targets = ["ApusPlan", "ApusEngine", "ApusControl", "apus"].filter {
            !ban.allowedIn.contains($0)
        }
        #expect(found.map(\.path) == targets.map { "Sources/\($0)/A.swift" })
        #expect(found.allSatisfy { $0.line == 2 })
    }

    @Test("a phrase within a longer word is not banned")
    func sparesLongerWords() {
        let text =
            "let asyncCount = update(1)\nlet b = myfatalError\nmyDate(x)\nlet c = a as! = b\n"
        let files = repository(("Sources/ApusPlan/A.swift", text))
        #expect(TidyWords.bannedPhrases(in: files).map(\.line) == [4])
    }

    @Test("a note without an issue is found in any language")
    func findsOpenNotes() {
        let mark = "TO" + "DO"
        let files = repository(
            (
                "Sources/A/A.swift",
                "// \(mark): later\n// \(mark) #12: later\nlet x = \"\(mark)\"\n"
            ),
            ("scripts/tool", "# \(mark): later\n"))
        #expect(
            TidyWords.openNotes(in: files).map(\.description) == [
                "Sources/A/A.swift:1: `\(mark)` names no issue",
                "scripts/tool:1: `\(mark)` names no issue",
            ])
    }

    @Test("absolute paths of a machine are found, relative ones are not")
    func findsMachinePaths() {
        let folder = "/" + "tmp/"
        let files = repository(
            ("docs/a.md", "see \(folder)x\nsee out\(folder)x\nsee ./\(folder)x\n"))
        #expect(TidyWords.machinePaths(in: files).map(\.line) == [1, 3])
    }

    @Test(
        "commented-out code is found",
        arguments: [
            "let x = 1", "func run() {", "}", "print(value)", "return x", "import ApusPlan",
            "call(first: 1, second: 2)", "std::move(x);", "if a < b {",
        ])
    func findsCommentedOutCode(line: String) {
        let files = repository(("Sources/A/A.swift", "// \(line)\n"))
        #expect(TidyWords.commentedOutCode(in: files).count == 1)
    }

    @Test(
        "sentences are not code",
        arguments: [
            "// Let x be the count.", "// import lines are read as SwiftPM would", "/// let x = 1",
            "// The first one (of many)", "// Forward, then backward; see docs/shapes.md",
            "// return to the sender what it lacks", "let x = 1  // one",
        ])
    func sparesSentences(line: String) {
        #expect(TidyWords.commentedOutCode(in: repository(("Sources/A/A.swift", line))).isEmpty)
    }

    @Test("a source file that no other one uses is found")
    func findsUnusedSources() {
        let files = repository(
            ("Sources/A/Main.swift", "@main struct Main { let used = Used() }"),
            ("Sources/A/Used.swift", "struct Used {}"),
            ("Sources/A/Dead.swift", "struct Dead { let used: Used }\nprivate let main = Main()"),
            ("Sources/A/Tested.swift", "struct Tested {}"),
            ("Sources/A/Used+Equal.swift", "extension Used: Equatable {}"),
            ("Sources/A/Used+Dead.swift", "extension Used {\n    func unheardOf() {}\n}"),
            ("Sources/ApusTestSupport/Builder.swift", "struct Builder {}"),
            ("Tests/ATests/ATests.swift", "Tested(); Builder() // Dead, unheardOf"))
        #expect(
            DeadFiles(repository: files).unusedSources().map(\.path) == [
                "Sources/A/Dead.swift", "Sources/A/Tested.swift", "Sources/A/Used+Dead.swift",
            ])
    }

    @Test("a document, script or plan that nothing names is found")
    func findsUnnamedFiles() {
        let files = repository(
            ("README.md", "see docs/shapes.md; run scripts/setup"),
            ("docs/shapes.md", ""), ("docs/lost.md", "docs/lost.md"),
            ("docs/diagnostics/world-size.md", ""), ("docs/diagnostics/gone.md", ""),
            ("scripts/setup", "source progress.sh"), ("scripts/progress.sh", ""),
            ("scripts/lost", ""), ("Sources/A/A.swift", "code: \"world-size\""),
            ("Plans/tested.yaml", ""), ("Plans/lost.yaml", ""),
            ("Tests/ATests/ATests.swift", "read(\"Plans/tested.yaml\")"))
        let dead = DeadFiles(
            repository: files,
            exceptions: TidyExceptions(unnamedFiles: ["docs/shapes.md": ""]))
        #expect(
            dead.unnamedFiles().map(\.description) == [
                "docs/shapes.md: needs no exception", "docs/lost.md: no other file names it",
                "docs/diagnostics/gone.md: no other file names it",
                "scripts/lost: no other file names it",
            ])
        #expect(dead.untestedPlans().map(\.path) == ["Plans/lost.yaml"])
    }
}
