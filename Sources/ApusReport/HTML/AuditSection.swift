import ApusBase

/// Claims with their verdicts, and problems that nobody claimed.
struct AuditSection {
    private let audit: AuditSummary?

    init(_ audit: AuditSummary?) { self.audit = audit }

    var part: PagePart {
        guard let audit else {
            return .missing(
                id: "audit", what: "No audit was given",
                remedy: "`apus audit FILE --json > audit.json` makes one.")
        }
        return .shown(
            id: "audit", name: "Audit",
            .section(
                "audit", "Audit", summary(audit), content: [claims(audit), problems(audit)]))
    }

    private func summary(_ audit: AuditSummary) -> String {
        let verdicts = ["wrong", "unverifiable", "holds"].map { verdict in
            "\(audit.claims.count { $0.verdict == verdict }) \(verdict)"
        }
        let errors = audit.problems.count { $0.severity == "error" }
        return "\(Wording.counted(audit.claims.count, "claim")): "
            + "\(verdicts.joined(separator: ", ")). "
            + "\(Wording.counted(audit.problems.count, "problem")), "
            + "\(Wording.counted(errors, "error")) among them."
    }

    private func claims(_ audit: AuditSummary) -> HTML {
        guard !audit.claims.isEmpty else {
            return absent("The deployment claims nothing", "Its `claims` section would be checked.")
        }
        let table = HTML.table(
            "Claims, in the order of the file",
            [
                .words("Claim"), .words("Verdict"), .words("Claimed"), .words("Computed"),
                .words("Unit"), .words("Why"),
            ],
            rows: audit.claims.map { claim in
                [
                    .text(claim.id), Self.verdict(claim.verdict), .text(claim.claimed),
                    .text(claim.computed), .text(claim.unit), .text(claim.why),
                ]
            })
        return .details("Claims (\(audit.claims.count))", [table])
    }

    /// The verdict with a sign beside its colour.
    private static func verdict(_ verdict: String) -> HTML {
        let sign =
            switch verdict {
            case "holds": "✓"
            case "wrong": "✗"
            default: "?"
            }
        return .element("span", ["class": "verdict \(verdict)"], text: "\(sign) \(verdict)")
    }

    private func problems(_ audit: AuditSummary) -> HTML {
        guard !audit.problems.isEmpty else { return .paragraph("No problems were found.") }
        return .details(
            "Problems (\(audit.problems.count))",
            [
                .table(
                    "Problems",
                    [
                        .words("Code"), .words("Severity"), .words("Where"), .words("Problem"),
                        .words("What would mend it"),
                    ],
                    texts: audit.problems.map {
                        [$0.code, $0.severity, $0.place, $0.text, $0.hint ?? Wording.unknown]
                    })
            ])
    }
}
