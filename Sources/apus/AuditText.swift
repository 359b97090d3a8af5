import ApusAudit
import ApusBase
import ApusPlan
import Foundation

/// The outcome of an audit as a person reads it in a terminal: a table of claims by verdict, then
/// what nobody claimed.
struct AuditText: CustomStringConvertible {
    let report: AuditReport
    let colored: Bool
    /// Whether formulas, repairs and notes are left out.
    let quiet: Bool

    private static let widthMax = 100

    init(_ report: AuditReport, colored: Bool, quiet: Bool) {
        self.report = report
        self.colored = colored
        self.quiet = quiet
    }

    var description: String {
        var lines = ClaimVerdict.Verdict.allCases.flatMap(group)
        let problems = report.problems.filter { !quiet || $0.severity != .note }
        if !problems.isEmpty {
            lines += [heading("problems", problems.count, "31")]
            lines += problems.flatMap { ["", self.text(of: $0)] } + [""]
        }
        return (lines + [summary]).joined(separator: "\n")
    }

    // MARK: - Claims

    private func group(_ verdict: ClaimVerdict.Verdict) -> [String] {
        let claims = report.claims.filter { $0.verdict == verdict }
        guard !claims.isEmpty else { return [] }
        let rows = claims.map { claim in
            (
                claim: claim, id: shortened(claim.claim.id, to: 30),
                claimed: text(of: claim.claim.value),
                computed: claim.computed.map { text(of: $0) } ?? "–"
            )
        }
        let title = verdict == .unverifiable ? "predicted" : "computed"
        let idWidth = width(rows.map(\.id), "claim")
        let claimedWidth = width(rows.map(\.claimed), "claimed")
        let computedWidth = width(rows.map(\.computed), title)
        func line(_ id: String, _ claimed: String, _ computed: String, _ unit: String) -> String {
            let text =
                "  " + id.padded(to: idWidth) + "  " + claimed.padded(to: claimedWidth, right: true)
                + "  " + computed.padded(to: computedWidth, right: true) + "  " + unit
            return String(text.reversed().drop { $0 == " " }.reversed())
        }
        var lines = [heading(verdict.rawValue, claims.count, color(of: verdict))]
        lines.append(line("claim", "claimed", title, "unit"))
        for row in rows {
            lines.append(line(row.id, row.claimed, row.computed, row.claim.unit ?? ""))
            if !quiet { lines += details(of: row.claim) }
        }
        return lines + [""]
    }

    /// The formula of a claim, how sure a prediction is, and the priced ways to make it right.
    private func details(of claim: ClaimVerdict) -> [String] {
        var lines = wrapped(claim.why + place(of: claim), indent: 6)
        if let confidence = claim.confidence {
            let range = "\(figure(confidence.low)) to \(figure(confidence.high))"
            lines += wrapped("four of five runs lie within \(range)", indent: 6)
        }
        for repair in claim.repairs where repair.price != nil || claim.unit == nil {
            guard repair.price != nil || repair.value == nil else { continue }
            lines += wrapped("- \(words(for: repair, unit: claim.unit))", indent: 6, hanging: 2)
        }
        return lines
    }

    private func place(of claim: ClaimVerdict) -> String {
        guard claim.claim.sequenceLength == nil, let length = claim.sequenceLength else {
            return ""
        }
        return " (at \(length) tokens)"
    }

    private func words(for repair: Repair, unit: String?) -> String {
        guard let price = repair.price else { return repair.change }
        let value = repair.value.map { "\(text(of: $0))\(unit.map { " \($0)" } ?? ""), " } ?? ""
        let fits = repair.fits == false ? ", does not fit" : ""
        return "\(repair.change): \(value)\(Seconds(price.stepTimeSeconds)) a step on "
            + "\(price.ranks) GPUs, \(Bytes(price.memoryPeakBytes)) a GPU\(fits)"
    }

    private func text(of value: Claim.Value) -> String {
        switch value {
        case .number(let number): figure(number)
        case .range(let low, let high): "\(figure(low)) to \(figure(high))"
        case .truth(let truth): "\(truth)"
        case .text(let text): shortened(text, to: 24)
        }
    }

    // MARK: - Layout

    private var summary: String {
        let counts = ClaimVerdict.Verdict.allCases.map { verdict in
            "\(report.count(of: verdict)) \(verdict == .holds ? "hold" : verdict.rawValue)"
        }
        let problems = [Diagnostic.Severity.error, .warning, .note].map { severity in
            let count = report.problems.count { $0.severity == severity }
            return "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
        }
        return counted(report.claims.count, "claim", "claims")
            + ": \(counts.joined(separator: ", "))\n"
            + counted(report.problems.count, "problem", "problems")
            + ": \(problems.joined(separator: ", "))"
    }

    private func heading(_ word: String, _ count: Int, _ color: String) -> String {
        paint("\(word) (\(count))", color)
    }

    private func text(of problem: Diagnostic) -> String {
        let word = "\(problem.severity.rawValue):"
        let color = problem.severity == .error ? "31" : "33"
        guard colored, let range = problem.description.range(of: word) else {
            return problem.description
        }
        return problem.description.replacingCharacters(in: range, with: paint(word, color))
    }

    private func color(of verdict: ClaimVerdict.Verdict) -> String {
        switch verdict {
        case .wrong: "31"
        case .unverifiable: "33"
        case .holds: "32"
        }
    }

    private func paint(_ text: String, _ color: String) -> String {
        colored ? "\u{1B}[1;\(color)m\(text)\u{1B}[0m" : text
    }

    private func width(_ texts: [String], _ title: String) -> Int {
        max(title.count, texts.map(\.count).max() ?? 0)
    }

    /// The text on lines of at most `widthMax` columns, broken between words.
    private func wrapped(_ text: String, indent: Int, hanging: Int = 0) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in words(of: text) {
            let room = Self.widthMax - indent - (lines.isEmpty ? 0 : hanging)
            if !line.isEmpty, line.count + 1 + word.count > room {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? word : " \(word)"
        }
        lines.append(line)
        return lines.enumerated().map { index, line in
            String(repeating: " ", count: indent + (index == 0 ? 0 : hanging)) + line
        }
    }

    /// The words of a text; groups of digits that make one number stay together.
    private func words(of text: String) -> [String] {
        text.split(separator: " ").reduce(into: []) { words, word in
            let isGroup =
                word.prefix(3).count == 3 && word.prefix(3).allSatisfy(\.isNumber)
                && !(word.dropFirst(3).first?.isNumber ?? false)
            if isGroup, let last = words.last?.last, last.isNumber {
                words[words.count - 1] += " \(word)"
            } else {
                words.append(String(word))
            }
        }
    }

    private func shortened(_ text: String, to length: Int) -> String {
        text.count <= length ? text : text.prefix(length - 1) + "…"
    }
}

extension String {
    /// The text filled up with spaces to a number of columns.
    fileprivate func padded(to width: Int, right: Bool = false) -> String {
        let padding = String(repeating: " ", count: max(0, width - count))
        return right ? padding + self : self + padding
    }
}
