import ApusAudit
import ApusBase
import ApusPlan

/// The outcome of an audit as a person reads it in a terminal.
struct AuditText: CustomStringConvertible {
    let report: AuditReport
    let colored: Bool
    let quiet: Bool

    init(_ report: AuditReport, colored: Bool, quiet: Bool) {
        self.report = report
        self.colored = colored
        self.quiet = quiet
    }

    var description: String {
        var lines: [String] = []
        for verdict in ClaimVerdict.Verdict.allCases {
            let claims = report.claims.filter { $0.verdict == verdict }
            guard !claims.isEmpty else { continue }
            lines.append("\(verdict.rawValue) (\(claims.count))")
            for claim in claims { lines += self.lines(of: claim) }
            lines.append("")
        }
        if !report.problems.isEmpty {
            lines.append("problems (\(report.problems.count))")
            lines += report.problems.flatMap { ["", $0.description] }
            lines.append("")
        }
        lines.append(summary)
        return lines.joined(separator: "\n")
    }

    private func lines(of verdict: ClaimVerdict) -> [String] {
        let length = verdict.claim.sequenceLength.map { " at \($0)" } ?? ""
        let unit = verdict.unit.map { " \($0)" } ?? ""
        var lines = [
            "  \(verdict.claim.id): \(verdict.claim.quantity)\(length)",
            "    claimed \(text(verdict.claim.value))\(unit), computed "
                + (verdict.computed.map { text($0) + unit } ?? "nothing"),
        ]
        lines.append("    \(verdict.why)")
        return lines
    }

    private func text(_ value: Claim.Value) -> String {
        switch value {
        case .number(let number): plain(number)
        case .range(let low, let high): "\(plain(low)) to \(plain(high))"
        case .truth(let truth): "\(truth)"
        case .text(let text): text
        }
    }

    private var summary: String {
        let counts = ClaimVerdict.Verdict.allCases.map { "\(report.count(of: $0)) \($0.rawValue)" }
        let errors = report.problems.count { $0.severity == .error }
        return "\(report.claims.count) claims: \(counts.joined(separator: ", ")); "
            + "\(report.problems.count) problems, \(errors) of them errors"
    }
}
