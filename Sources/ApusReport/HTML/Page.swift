import ApusBase
import Foundation

/// The report as one HTML file that loads nothing.
///
/// The same data gives the same bytes. What can be said in words and tables stands in the HTML
/// itself; the pictures are drawn by the page's script from the data in it.
package func html(for data: ReportData) -> String {
    Page(data).text
}

struct Page {
    /// Events and spans of all timelines together; about 25 bytes each.
    static let timelineWeightMax = 120_000
    static let pointsMax = 400

    /// The data as the page shows it.
    private let data: ReportData
    private let headline: Headline

    init(_ data: ReportData) {
        var shown = data
        let count = max(1, data.lengths.count { $0.timeline != nil })
        for index in shown.lengths.indices {
            shown.lengths[index].fit(
                weightMax: Self.timelineWeightMax / count, pointsMax: Self.pointsMax)
        }
        self.data = shown
        headline = Headline(shown)
    }

    var text: String {
        let head = HTML.element(
            "head", [:],
            [
                .constant("<meta charset=\"utf-8\">"),
                .constant(
                    """
                    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
                    style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
                    base-uri 'none'; form-action 'none'">
                    """),
                .constant(
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"),
                .constant("<meta name=\"color-scheme\" content=\"light dark\">"),
                .constant("<link rel=\"icon\" href=\"data:,\">"),
                .element("title", text: data.title),
                .style(Resources.style),
            ])
        let body = HTML.element(
            "body", [:], [header, main, footer, json, .script(Resources.script)])
        let page = HTML.element("html", ["lang": "en"], [head, .constant("\n"), body])
        return "<!DOCTYPE html>\n" + page.source + "\n"
    }

    private var json: HTML {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "∞", negativeInfinity: "−∞", nan: "?")
        let bytes = (try? encoder.encode(data)) ?? Data("{}".utf8)
        return .data(String(decoding: bytes, as: UTF8.self), id: "data")
    }

    private var header: HTML {
        .element(
            "header", ["class": "top"],
            [
                .constant("<a class=\"skip\" href=\"#main\">Skip to the report</a>"),
                .element(
                    "div", ["class": "title"],
                    [
                        .element("h1", text: data.title),
                        .element("p", ["class": "summary"], text: data.summary),
                    ]),
                .constant(
                    """
                    <button type="button" id="theme" hidden aria-label="Colours: as the system">\
                    <span aria-hidden="true">◐</span> <span class="word">Auto</span></button>
                    """),
            ])
    }

    private var main: HTML {
        let parts =
            RunSection(data).parts + [
                AuditSection(data.audit).part, SearchSection(data.search).part,
            ]
        let content = [contents(parts)] + steps + shown(parts) + [FactsSection(data).html]
        return .element("main", ["id": "main"], content + missing(parts))
    }

    /// The sections of the sequence lengths.
    private var steps: [HTML] {
        let sections = data.lengths.enumerated().map { index, length in
            LengthSection(length, index: index, data: data).html
        }
        return (data.lengths.count > 1 ? [lengthChoice] : []) + sections
    }

    private func shown(_ parts: [PagePart]) -> [HTML] {
        parts.compactMap { part in
            if case .shown(_, _, let html) = part { html } else { nil }
        }
    }

    /// One list of all that there is nothing of, so that it does not get in the way.
    private func missing(_ parts: [PagePart]) -> [HTML] {
        var items = parts.compactMap { part -> HTML? in
            guard case .missing(let id, let what, let remedy) = part else { return nil }
            return .element(
                "li", ["id": id], [.element("strong", text: what + "."), .prose(" " + remedy)])
        }
        if data.lengths.isEmpty {
            items.append(
                .element(
                    "li", [:],
                    [
                        .element("strong", text: "No step was predicted or measured."),
                        .text(" A deployment with a plan brings the prediction, a trace the "),
                        .text("measurement."),
                    ]))
        }
        guard !items.isEmpty else { return [] }
        return [
            .section(
                "missing", "Not in this report",
                content: [.element("ul", ["class": "missing"], items)])
        ]
    }

    private func contents(_ parts: [PagePart]) -> HTML {
        let steps = [
            ("timeline-0", "Timeline"), ("time-0", "Time"), ("memory-0", "Memory"),
            ("communication-0", "Communication"), ("differences-0", "Prediction"),
        ]
        let others = parts.compactMap { part -> (String, String)? in
            if case .shown(let id, let name, _) = part { (id, name) } else { nil }
        }
        let links = (data.lengths.isEmpty ? [] : steps) + others + [("facts", "Facts")]
        return .element(
            "nav", ["class": "contents", "aria-label": "On this page"],
            links.map { .element("a", ["href": "#\($0.0)"], text: $0.1) })
    }

    private var lengthChoice: HTML {
        let buttons = data.lengths.enumerated().map { index, length in
            HTML.element(
                "button",
                [
                    "type": "button", "data-choose": "\(index)",
                    "aria-pressed": index == headline.index ? "true" : "false",
                ],
                text: grouped(length.sequenceLength) + (length.subject.map { " · \($0)" } ?? ""))
        }
        return .element(
            "div",
            ["class": "lengths", "role": "group", "aria-label": "Sequence length in tokens"],
            [.element("span", ["class": "label"], text: "Tokens per sequence")] + buttons)
    }

    private var footer: HTML {
        .element(
            "footer", [:],
            [
                .element(
                    "p",
                    text:
                        "GB = 10⁹ bytes. Made by Apus. This file holds its data and loads nothing "
                        + "from anywhere.")
            ])
    }
}
