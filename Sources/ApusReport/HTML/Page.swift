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
    static let timelineWeightMax = 60_000
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
        var parts = [contents]
        if data.lengths.isEmpty {
            parts.append(
                absent(
                    "No step was predicted or measured",
                    "A deployment file with a plan brings the prediction, a trace the measurement.")
            )
        }
        if data.lengths.count > 1 { parts.append(lengthChoice) }
        for (index, length) in data.lengths.enumerated() {
            parts.append(LengthSection(length, index: index, data: data).html)
        }
        parts += [
            RunSection(data).html, AuditSection(data.audit).html, SearchSection(data.search).html,
            FactsSection(data).html,
        ]
        return .element("main", ["id": "main"], parts)
    }

    private var contents: HTML {
        let links: [(id: String, name: String)] = [
            ("timeline-0", "Timeline"), ("time-0", "Time"), ("memory-0", "Memory"),
            ("communication-0", "Communication"), ("differences-0", "Prediction"), ("run", "Run"),
            ("experts", "Experts"), ("audit", "Audit"), ("search", "Search"), ("facts", "Facts"),
        ]
        let shown = data.lengths.isEmpty ? links.filter { !$0.id.hasSuffix("-0") } : links
        return .element(
            "nav", ["class": "contents", "aria-label": "On this page"],
            shown.map { .element("a", ["href": "#\($0.id)"], text: $0.name) })
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
                    text: "GB = 10⁹ bytes. Made by `apus`. This file holds its data and loads "
                        + "nothing from anywhere.")
            ])
    }
}
