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

    @Test("a test asserts a whole message of each code")
    func testsCodes() throws {
        // From the severity to the code in one literal, which may stand on several lines.
        let message = /(?:error|warning|note): (?:[^"\[]|\[(?![a-z-]+\]))*\[([a-z-]+)\]/
        let tested = try swiftFiles(in: "Tests").flatMap { file in
            try Repository.text(file).matches(of: message).map { String($0.1) }
        }
        #expect(Set(Self.codes).subtracting(tested) == [])
    }

    private func swiftFiles(in folder: String) throws -> [String] {
        let root = Repository.root.appending(path: folder).path
        let paths = try #require(FileManager.default.enumerator(atPath: root))
        return paths.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }
            .map { "\(folder)/\($0)" }
    }
}
