import ApusBase
import ApusPlan
import Testing

@Suite("Messages about a file as text")
struct FileTextTests {
    private func messages(_ bytes: [UInt8]) -> [String] {
        do {
            _ = try fileText(bytes, file: "a.yaml")
            return []
        } catch {
            return error.diagnostics.map(\.description)
        }
    }

    @Test("a file over 256 KiB is refused by its size alone")
    func refusesLargeFiles() {
        let text = String(repeating: "[", count: 256 * 1024 + 1)
        let expected = """
            : error: the file is too large for a deployment and is not read  [file-size]
              expected: at most 262 144 bytes (256 KiB)
              hint: a deployment or a `config.json` takes a few kilobytes; is this the right file?
            """
        #expect(messages(Array(text.utf8)) == ["a.yaml" + expected])
        #expect(SmallFile.messages(of: text) == ["plans/small.yaml" + expected])
        #expect(messages(Array(text.utf8.dropLast())) == [])
    }

    @Test("a byte that is not UTF-8 is found")
    func findsForeignBytes() {
        #expect(
            messages(Array("name: café\nplace: Z".utf8) + [0xFC] + Array("rich".utf8)) == [
                """
                a.yaml:2:9: error: byte 0xFC is not UTF-8  [file-encoding]
                  expected: text in UTF-8
                  hint: save the file as UTF-8, for example with `iconv -t UTF-8`
                """
            ])
    }

    @Test("text that is not YAML is quoted on one line", arguments: syntaxMistakes)
    func quotesSyntax(mistake: Mistake) {
        #expect(SmallFile.messages(of: mistake.new) == [mistake.message])
    }

    static let syntaxMistakes = [
        Mistake(
            "", "plan: a: b\n",
            """
            plans/small.yaml:1:8: error: this is not YAML: mapping values are not allowed in this \
            context  [yaml-syntax]
              `plan: a: b`
            """),
        Mistake(
            "", "plan:\n\tzero_stage: 1\n",
            """
            plans/small.yaml:2:1: error: this is not YAML: found character that cannot start any \
            token  [yaml-syntax]
              ` zero_stage: 1`
              hint: indent with spaces: YAML takes no tabs there
            """),
        Mistake(
            "", "{\"plan\": {\"zero_stage\": 1, \"pipeline_parallel\": 4, \"data_parallel\": 4 ] }",
            """
            plans/small.yaml:1:71: error: this is not YAML: did not find expected ',' or '}'  \
            [yaml-syntax]
              `… 4, "data_parallel": 4 ] }`
            """),
        Mistake(
            "", "plan: {}\n---\nplan: {}\n",
            """
            plans/small.yaml:2:1: error: this is not YAML: but found another document  [yaml-syntax]
              `---`
            """),
        Mistake(
            "", "plan: \"a\u{1}\"",
            """
            plans/small.yaml:1:9: error: this is not YAML: control characters are not allowed  \
            [yaml-syntax]
              `plan: "a "`
            """),
    ]

    @Test("what is nested or repeated beyond any use is refused")
    func refusesExcess() {
        let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        #expect(
            SmallFile.messages(of: "a: \(deep)") == [
                """
                plans/small.yaml:1:35: error: values are nested more than 32 deep  [yaml-limit]
                  expected: at most 32 levels
                """
            ])
        let wide = "a: [" + String(repeating: "1,", count: 20_000) + "]"
        #expect(
            SmallFile.messages(of: wide) == [
                """
                plans/small.yaml:1:40001: error: the file holds more than 20 000 values  \
                [yaml-limit]
                  expected: at most 20 000 values, an alias counted wherever it is used
                """
            ])
        let aliases = "a: &a 1\nb: [" + String(repeating: "*a, ", count: 9) + "]"
        #expect(
            SmallFile.messages(of: aliases) == [
                """
                plans/small.yaml:2:37: error: the file uses more aliases (`*name`) than Apus \
                reads  [yaml-limit]
                  expected: at most 8 aliases
                  hint: write the values out where they are needed
                """
            ])
    }

    @Test("a few aliases are read like the values they stand for")
    func readsAliases() throws {
        let text = SmallFile.text
            .replacing("head_dim: 16", with: "head_dim: &width 16")
            .replacing("[16]", with: "[*width]")
        #expect(try SmallFile.read(text).deployment.workload.sequenceLengths == [16])
    }

    @Test("the text of a key that is given many times costs no other message")
    func hidesDuplicates() {
        let text = SmallFile.text
            .replacing("nodes: 2", with: "nodes: 2\n  'nodes': 2\n  \"nodes\": 2")
            .replacing("hidden_size: 64", with: "hidden_size: 0")
        let codes = SmallFile.messages(of: text).map { $0.split(separator: "\n")[0] }
        #expect(
            codes.map { $0.split(separator: "[").last }
                == ["out-of-range]", "duplicate-key]", "duplicate-key]"])
    }
}
