import ApusReport
import Foundation
import Testing

@Suite("The page of a report")
struct PageTests {
    @Test("the same data gives the same bytes")
    func isDeterministic() {
        #expect(html(for: SampleReport.whole) == html(for: SampleReport.whole))
    }

    @Test("a page begins as HTML does")
    func beginsAsHTML() {
        var data = ReportData(title: "small", summary: "4 ranks")
        data.run = RunReport(steps: [])
        let page = html(for: data)
        #expect(page.hasPrefix("<!DOCTYPE html>"))
    }

    @Test("no text can leave its place in the page, in whatever part it stands")
    func escapesEveryText() throws {
        let attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u{2028}"
        var data = SampleReport.whole
        data.title = attack
        data.summary = attack
        data.provenance = [attack]
        data.facts = [FactGroup(attack, [(attack, attack)])]
        data.lengths[0].notes = [attack]
        data.lengths[0].differences = [
            Difference(kind: attack, predicted: 1, measured: 2, explanation: attack)
        ]
        data.lengths[0].timeline?.stages[0].events[0].label = attack
        data.lengths[0].timeline?.stages[0].name = attack
        data.lengths[0].communication?.rows[0] = attack
        data.run?.events = [attack]
        data.audit?.claims[0].why = attack
        data.audit?.problems[0].text = attack
        data.search?.strategies[0].name = attack
        let page = html(for: data)
        #expect(!page.contains("alert(1)</script>"))
        #expect(!page.contains("<img"))
        #expect(page.ranges(of: "</script>").count == 2)
        #expect(page.ranges(of: "<script").count == 2)
        // What the script reads is the text itself.
        let json = try Self.json(in: page)
        #expect(json["title"] as? String == attack)
    }

    @Test("a page loads nothing: no address of any kind, and a policy that forbids it")
    func loadsNothing() {
        let page = html(for: SampleReport.whole)
        for word in ["http:", "https:", "url(", "@import", "import(", "fetch(", "XMLHttp", " src="]
        {
            #expect(!page.contains(word), "\(word)")
        }
        #expect(
            page.contains(
                """
                content="default-src 'none'; style-src 'unsafe-inline'; \
                script-src 'unsafe-inline'; img-src data:
                """))
    }

    @Test("an empty report says of every part what is missing")
    func saysWhatIsMissing() {
        let page = html(for: ReportData(title: "empty", summary: "nothing"))
        for text in [
            "No step was predicted or measured", "No run was logged", "Expert loads are not known",
            "No audit was given", "No search was given", "No deployment was given",
        ] {
            #expect(page.contains(text), "\(text)")
        }
        var predicted = ReportData(title: "predicted", summary: "")
        predicted.lengths = [SampleReport.length(128, isMeasured: false)]
        #expect(html(for: predicted).contains("No run was measured"))
    }

    @Test("the answers stand in the page's own text, prediction beside measurement")
    func answersWithoutScript() {
        let page = html(for: SampleReport.whole)
        let shown = page.replacing("\u{A0}", with: " ")
        for text in [
            "112 ms", "a step, measured; predicted 105 ms", "33.6 GB", "42.0 % of the 80.0 GB",
            "30.4 %", "24.0 % pipeline bubble, 6.4 % exposed", "−6.5 %",
        ] {
            #expect(shown.contains(text), "\(text)")
        }
    }

    @Test(
        "40 000 instructions of 16 ranks make a page under 3 MB that says what it joined"
    )
    func staysSmall() throws {
        var data = SampleReport.whole
        var timeline = SampleReport.timeline(isMeasured: false)
        for index in timeline.stages.indices {
            let stage = timeline.stages[index]
            let copies = 10_000 / stage.events.count
            let events = (0..<copies).flatMap { _ in stage.events }
            let spans = (0..<copies).flatMap { _ in stage.lanes[0].spans }
            let lanes = (0..<4).map { Timeline.Lane("rank \($0)", .measured, spans: spans) }
            timeline.stages[index] = Timeline.Stage(
                stage.name, events: events,
                lanes: [Timeline.Lane("stage", .predicted, spans: spans)] + lanes)
        }
        data.lengths[0].timeline = timeline
        let page = html(for: data)
        #expect(page.utf8.count < 3_000_000)
        #expect(page.contains("instructions are drawn as"))
    }

    @Test("a number that is none does not spoil the page's data")
    func survivesNoNumber() throws {
        var data = SampleReport.whole
        data.run?.steps[3].loss = .nan
        data.lengths[0].predicted?.stepTime = .infinity
        let json = try Self.json(in: html(for: data))
        #expect(json["lengths"] != nil)
    }

    /// The data that the page's script reads.
    static func json(in page: String) throws -> [String: Any] {
        let start = try #require(page.range(of: "id=\"data\">"))
        let rest = page[start.upperBound...]
        let end = try #require(rest.range(of: "</script>"))
        let object = try JSONSerialization.jsonObject(
            with: Data(rest[..<end.lowerBound].utf8))
        return try #require(object as? [String: Any])
    }
}
