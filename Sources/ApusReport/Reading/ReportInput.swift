package import ApusBase
import Foundation

/// What a file given to `apus report` is, by its content.
package enum ReportInput: String, Hashable, Sendable, CaseIterable {
    case deployment, trace
    case runLog = "run log"
    case audit, search

    /// Larger files are only recognised by their first line.
    static let documentSizeMax = 16_000_000
    static let lineSizeMax = 1_000_000

    /// - Throws: `Problems` for a JSON document that is none of them.
    package init(recognising bytes: [UInt8], file: String) throws(Problems) {
        guard bytes.first(where: { !Self.isBlank($0) }) == UInt8(ascii: "{") else {
            self = .deployment
            return
        }
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        if line.count <= Self.lineSizeMax, let keys = Self.keys(of: line) {
            if keys.contains("apus_trace") {
                self = .trace
                return
            }
            if keys.contains("step") || keys.contains("event") {
                self = .runLog
                return
            }
        }
        guard bytes.count <= Self.documentSizeMax, let keys = Self.keys(of: bytes[...]) else {
            // The reader of deployments says what is wrong with it.
            self = .deployment
            return
        }
        if keys.isSuperset(of: ["claims", "problems"]), !keys.contains("model") {
            self = .audit
        } else if keys.isSuperset(of: ["plans", "searched"]) {
            self = .search
        } else if keys.contains("model") {
            self = .deployment
        } else {
            throw Problems([Self.unknown(file, keys)])
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        [9, 10, 13, 32].contains(byte)
    }

    private static func keys(of bytes: ArraySlice<UInt8>) -> Set<String>? {
        let object = try? JSONSerialization.jsonObject(with: Data(bytes))
        return (object as? [String: Any]).map { Set($0.keys) }
    }

    private static func unknown(_ file: String, _ keys: Set<String>) -> Diagnostic {
        let shown = keys.sorted().prefix(5).map { String($0.prefix(40)) }.joined(separator: ", ")
        return Diagnostic(
            .reportInput, location: Diagnostic.Location(file: file),
            problem: "the file is nothing that a report shows",
            details: shown.isEmpty ? [] : ["its keys: \(shown)"],
            expected: "a deployment, a log of `apus train --log`, a trace, or what "
                + "`apus audit --json` or `apus plan --json` printed")
    }
}

/// A file that is not what its beginning promises.
func unreadable(
    _ file: String, line: Int? = nil, _ problem: String, expected: String
) -> Problems {
    Problems([
        Diagnostic(
            .reportInput, location: Diagnostic.Location(file: file, line: line), problem: problem,
            expected: expected)
    ])
}
