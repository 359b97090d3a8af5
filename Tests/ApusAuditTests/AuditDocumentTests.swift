import ApusAudit
import ApusPlan
import ApusTestSupport
import Testing

@testable import ApusAudit

@Suite("Documents about the audit")
struct AuditDocumentTests {
    @Test("the page on the audit names every quantity and every name that a formula may use")
    func namesQuantities() throws {
        let page = try Repository.text("docs/audit.md")
        for quantity in Quantity.allCases {
            let name = quantity.rawValue
            let short = name.firstIndex(of: ".").map { String(name[$0...]) } ?? name
            #expect(page.contains("`\(name)`") || page.contains("`\(short)`"), "\(name)")
        }
        let names = Quantities(of: try StrategyFile.read().deployment).formulaValues(at: 128).keys
        for name in names.sorted() { #expect(page.contains("`\(name)`"), "\(name)") }
    }

    @Test("the page on the strategy document names every claim that is made of it")
    func namesClaims() throws {
        let page = try Repository.text("docs/strategy-document.md")
        // Claims of one kind at several lengths stand in a row of their length.
        let families = ["bubble-", "throughput-", "ttft-", "utilization-"]
        for claim in try StrategyFile.read().deployment.claims {
            let isInFamily = families.contains { claim.id.hasPrefix($0) }
            #expect(page.contains("`\(claim.id)`") || isInFamily, "\(claim.id)")
        }
    }

    @Test("the page says of each claim what the audit says")
    func agreesWithVerdicts() throws {
        let lines = try Repository.text("docs/strategy-document.md").split(separator: "\n")
        for verdict in try StrategyFile.report().claims {
            let word =
                switch verdict.verdict {
                case .wrong: "**wrong**"
                case .holds: "right"
                case .unverifiable: "open"
                }
            let rows = lines.filter { $0.contains("`\(verdict.claim.id)`") }
            for row in rows { #expect(row.contains(word), "\(verdict.claim.id): \(row)") }
        }
    }
}
