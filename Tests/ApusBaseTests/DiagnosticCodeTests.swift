import ApusBase
import ApusTestSupport
import Foundation
import Testing

@Suite("Diagnostic codes")
struct DiagnosticCodeTests {
    private static let codes = DiagnosticCode.allCases.map(\.rawValue)

    @Test("codes and their pages match one to one")
    func matchesPages() throws {
        let pages = try Repository.files(in: "docs/diagnostics").filter { $0.hasSuffix(".md") }
        #expect(pages == Self.codes.map { "\($0).md" }.sorted())
    }

    @Test("a page has its code as title, shows a message and says how to mend it", arguments: codes)
    func describesCode(code: String) throws {
        let page = try Repository.text("docs/diagnostics/\(code).md")
        #expect(page.hasPrefix("# \(code): "))
        #expect(page.contains("[\(code)]\n"))
        #expect(page.contains("\n## How to mend it\n"))
    }

    @Test("each code that the sources name is listed")
    func listsUsedCodes() throws {
        let listed = Set(Self.codes)
        for file in try swiftFiles(in: "Sources") {
            let text = try Repository.text(file)
            for match in text.matches(of: /Diagnostic\(\s*"([a-z0-9-]+)"/) {
                #expect(listed.contains(String(match.1)), "\(file) has `\(match.1)`")
            }
        }
    }

    @Test("a test asserts a whole message of each code", arguments: codes)
    func testsCode(code: String) throws {
        let own = "DiagnosticCodeTests.swift"
        let isTested = try swiftFiles(in: "Tests").contains { file in
            try !file.hasSuffix(own) && Repository.text(file).contains("[\(code)]")
        }
        #expect(isTested)
    }

    private func swiftFiles(in folder: String) throws -> [String] {
        let root = Repository.root.appending(path: folder).path
        let paths = try #require(FileManager.default.enumerator(atPath: root))
        return paths.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }
            .map { "\(folder)/\($0)" }
    }
}
