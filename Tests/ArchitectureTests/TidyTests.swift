import Testing

/// What every file of the repository keeps; `TidyRuleTests` shows that each rule can fail.
@Suite("Tidy")
struct TidyTests {
    let repository: Repository

    init() throws {
        repository = try Repository.here()
        try #require(repository.files.count > 30)
    }

    @Test("files have at most 250 lines")
    func fileLengths() {
        report(TidySizes.longFiles(in: repository))
    }

    @Test("lines have at most 100 columns")
    func lineLengths() {
        report(TidySizes.longLines(in: repository))
    }

    @Test("functions have at most 70 lines")
    func functionLengths() {
        report(TidySizes.longFunctions(in: repository))
    }

    @Test("file names say what is in the file")
    func fileNames() {
        report(TidyWords.emptyNames(in: repository))
    }

    @Test("banned phrases stand only where they are allowed")
    func bannedPhrases() {
        report(TidyWords.bannedPhrases(in: repository))
    }

    @Test("a note to do something later names an issue")
    func openNotes() {
        report(TidyWords.openNotes(in: repository))
    }

    @Test("no file names a folder of one machine")
    func machinePaths() {
        report(TidyWords.machinePaths(in: repository))
    }

    @Test("no code is commented out")
    func commentedOutCode() {
        report(TidyWords.commentedOutCode(in: repository))
    }

    @Test("every source file is used by another one")
    func unusedSources() {
        report(DeadFiles(repository: repository).unusedSources())
    }

    @Test("every document and script is named by another file")
    func unnamedFiles() {
        report(DeadFiles(repository: repository).unnamedFiles())
    }

    @Test("every example plan is named by a test")
    func untestedPlans() {
        report(DeadFiles(repository: repository).untestedPlans())
    }

    private func report(_ violations: [Violation]) {
        for violation in violations {
            Issue.record("\(violation)")
        }
    }
}
