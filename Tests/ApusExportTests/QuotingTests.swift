import Foundation
import Testing

@testable import ApusExport

@Suite("Quoting")
struct QuotingTests {
    static let hostile = [
        "", "plain", "a b", "it's", "\"q\"", "$(touch x)", "`id`", "a\nb", "-n", "*", "~", "#c",
        "a;b", "\\", "!x", "%s", "é😀", "\u{85}\u{2028}\u{FEFF}", "\u{1}\u{1B}[31m\u{7F}", "{a,b}",
        "x: y", "- z", "''", "a'\"'b", "&&", "|", ">f", "$HOME", "${x:?}", "'\n'",
    ]

    @Test("the shell reads a word as the text it was made of", arguments: hostile)
    func quotesForShell(text: String) throws {
        let arguments = try ShellRun("exec python3 \(shellWord(text)) end\n").arguments()
        #expect(arguments == [text, "end"])
    }

    @Test("JSON reads a literal as the text it was made of", arguments: hostile)
    func quotesForJSON(text: String) throws {
        let literal = quoted(text)
        let value = try JSONSerialization.jsonObject(
            with: Data(literal.utf8), options: .fragmentsAllowed)
        #expect(value as? String == text)
        #expect(literal.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x85 })
    }

    @Test("a comment stays on its line", arguments: hostile)
    func staysOnLine(text: String) {
        let lines = hashComments(["before \(text) after"])
        #expect(lines.count == 1)
        #expect(!lines[0].contains { $0.isNewline })
        #expect(lines[0].hasPrefix("# before "))
    }

    @Test("a job's name is one that Kubernetes takes for a host", arguments: hostile)
    func namesJobs(text: String) {
        for file in [text, "\(text).yaml", "plans/\(text).yaml", "9\(text)", "A-\(text)-Z.yml"] {
            let name = jobName(file: file)
            #expect(name.wholeMatch(of: /[a-z]([-a-z0-9]*[a-z0-9])?/) != nil, "\(name)")
            #expect(name.utf8.count <= 45)
        }
        #expect(jobName(file: "Plans/strategy-16gpu.yaml") == "strategy-16gpu")
    }

    @Test("literals of Python and JSON differ in what they call truth")
    func writesLiterals() {
        let value: Literal = ["a": [1, 2.5], "b": true, "c": [:], "d": ["e": "x"]]
        #expect(
            value.text(in: .json) == """
                {
                    "a": [1, 2.5],
                    "b": true,
                    "c": {},
                    "d": {
                        "e": "x"
                    }
                }
                """)
        #expect(
            value.text(in: .python) == """
                {
                    "a": [1, 2.5],
                    "b": True,
                    "c": {},
                    "d": {
                        "e": "x",
                    },
                }
                """)
    }
}
