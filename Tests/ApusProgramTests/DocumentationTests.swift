import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@testable import ApusProgram

@Suite("Landing pages of the modules")
struct DocumentationTests {
    private static let modules = [
        "ApusAudit", "ApusBase", "ApusCalibration", "ApusControl", "ApusCost", "ApusEngine",
        "ApusExport", "ApusPlan", "ApusPlanner", "ApusProgram", "ApusReport", "ApusRouting",
        "ApusRuntime", "ApusSimulator", "ApusSystem", "ApusTestSupport", "ApusTrace",
        "ApusValidation", "ApusVerify",
    ]

    private static func page(_ module: String) throws -> String {
        try Repository.text("Sources/\(module)/Documentation.docc/\(module).md")
    }

    @Test("every library module has one")
    func coversModules() throws {
        let libraries = try Repository.files(in: "Sources").filter {
            $0.hasPrefix("Apus")
        }
        #expect(libraries == Self.modules)
    }

    @Test("opens with its module's symbol, an example and its types by topic", arguments: modules)
    func hasParts(module: String) throws {
        let page = try Self.page(module)
        #expect(page.hasPrefix("# ``\(module)``\n"))
        #expect(page.contains("\n```swift\n"))
        #expect(page.contains("\n## Topics\n\n### "))
    }

    @Test("shows an example that stands in a test, so it compiles and runs", arguments: modules)
    func quotesTest(module: String) throws {
        let example = try #require(
            try Self.page(module).split(separator: "```swift\n").last?
                .split(separator: "\n```").first)
        let lines = Self.trimmed(String(example))
        #expect(lines.count > 2)
        let folder = "Tests/\(module == "ApusTestSupport" ? "ApusPlan" : module)Tests"
        let tests = try Repository.files(in: folder).filter { $0.hasSuffix(".swift") }
        let isQuoted = try tests.contains { file in
            let code = Self.trimmed(try Repository.text("\(folder)/\(file)"))
            return code.firstRange(of: lines) != nil
        }
        #expect(isQuoted, "no test of \(folder) holds the example of \(module)")
    }

    @Test("names types that the module declares", arguments: modules)
    func namesTypes(module: String) throws {
        let topics = try #require(try Self.page(module).split(separator: "## Topics").last)
        let names = topics.matches(of: /- ``([A-Za-z]+)/).map { String($0.1) }
        #expect(!names.isEmpty)
        var code = ""
        for file in try Self.sources(of: module) { code += try Repository.text(file) }
        for name in names {
            let kinds = ["struct", "class", "enum", "protocol", "func"]
            #expect(
                kinds.contains { code.contains("\($0) \(name)") }, "\(module) declares no \(name)")
        }
    }

    /// The example of ApusProgram.
    @Test("a plan is compiled, proven and printed")
    func compilesPlan() throws {
        let plan = Plan(degrees: Degrees(pipeline: 2, data: 2, expert: 2), buckets: [])
        let shape = StepShape(sequenceLength: 16, sequencesPerMicroBatch: 1, microBatches: 4)
        let program = try compile(model: .small(), plan: plan, shape: shape)
        #expect(program.verify().isEmpty)
        #expect(try Program(text: program.description, file: "step.program") == program)
    }

    private static func sources(of module: String) throws -> [String] {
        var files: [String] = []
        for entry in try Repository.files(in: "Sources/\(module)") {
            let path = "Sources/\(module)/\(entry)"
            if entry.hasSuffix(".swift") {
                files.append(path)
            } else if !entry.contains(".") {
                files += try Repository.files(in: path).filter { $0.hasSuffix(".swift") }
                    .map { "\(path)/\($0)" }
            }
        }
        return files
    }

    private static func trimmed(_ text: String) -> [Substring] {
        text.split(separator: "\n").map { line in
            line.drop { $0 == " " }
        }
    }
}
