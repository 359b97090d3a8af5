package import ApusBase
import Foundation

extension AuditSummary {
    /// Reads what `apus audit --json` printed.
    package init(json: [UInt8], file: String) throws(Problems) {
        let document: AuditDocument
        do {
            document = try JSONDecoder().decode(AuditDocument.self, from: Data(json))
        } catch {
            throw unreadable(
                file, "cannot read the file as an audit",
                expected: "what `apus audit --json` prints: `claims` with verdicts, and `problems`")
        }
        self.init(
            claims: document.claims.map { claim in
                let at = claim.at.map { ", at \(grouped($0)) tokens" } ?? ""
                return Claim(
                    id: claim.id, verdict: claim.verdict, claimed: claim.claimed.text,
                    computed: claim.computed?.text ?? Wording.unknown,
                    unit: (claim.unit ?? "") + at, why: claim.why ?? "")
            },
            problems: document.problems.map { problem in
                let place = [problem.file, problem.line.map(String.init), problem.path]
                return Problem(
                    code: problem.code, severity: problem.severity,
                    place: place.compactMap(\.self).joined(separator: ":"), text: problem.problem,
                    hint: problem.hint ?? problem.expected)
            })
    }
}

private struct AuditDocument: Decodable {
    struct Claim: Decodable {
        var id: String
        var verdict: String
        var claimed: Value
        var computed: Value?
        var unit: String?
        var why: String?
        var at: Int?
    }

    struct Problem: Decodable {
        var code: String
        var severity: String
        var file: String?
        var line: Int?
        var path: String?
        var problem: String
        var expected: String?
        var hint: String?
    }

    /// A number, two numbers, a truth or a text.
    enum Value: Decodable {
        case number(Double)
        case range([Double])
        case truth(Bool)
        case text(String)

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let truth = try? value.decode(Bool.self) {
                self = .truth(truth)
            } else if let number = try? value.decode(Double.self) {
                self = .number(number)
            } else if let range = try? value.decode([Double].self) {
                self = .range(range)
            } else {
                self = .text(try value.decode(String.self))
            }
        }

        var text: String {
            switch self {
            case .number(let number): Wording.plain(number)
            case .range(let ends): ends.map(Wording.plain).joined(separator: " to ")
            case .truth(let truth): truth ? "yes" : "no"
            case .text(let text): text
            }
        }
    }

    var claims: [Claim]
    var problems: [Problem]
}
