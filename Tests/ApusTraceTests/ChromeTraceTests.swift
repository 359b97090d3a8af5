import ApusBase
import ApusPlan
import ApusProgram
import ApusTestSupport
import Foundation
import Testing

@testable import ApusTrace

@Suite("Chrome trace")
struct ChromeTraceTests {
    private func events(_ traces: [Trace], _ program: Program) throws -> [[String: Any]] {
        let text = ChromeTrace(traces, program: program).text
        let document = try JSONSerialization.jsonObject(with: Data(text.utf8))
        let object = try #require(document as? [String: Any])
        return try #require(object["traceEvents"] as? [[String: Any]])
    }

    @Test("it is one JSON document, the same for the same trace")
    func isJSON() throws {
        let made = try MadeTrace { _, _, _ in 0.25 }
        let first = ChromeTrace([made.trace], program: made.program).text
        #expect(ChromeTrace([made.trace], program: made.program).text == first)
        let events = try events([made.trace], made.program)
        for event in events {
            let phase = try #require(event["ph"] as? String)
            #expect(["M", "X", "C", "s", "f"].contains(phase))
            #expect(event["pid"] is Int)
            if phase != "M" { #expect(event["ts"] is Double || event["ts"] is Int) }
        }
        let instructions = events.filter { $0["ph"] as? String == "X" && $0["tid"] as? Int == 0 }
        #expect(instructions.count == made.trace.ranks.map(\.events.count).reduce(0, +))
        #expect(instructions.allSatisfy { $0["dur"] as? Double == 250_000 })
    }

    @Test("each send has an arrow to its receive")
    func hasArrows() throws {
        let made = try MadeTrace { _, _, _ in 0.25 }
        let events = try events([made.trace], made.program)
        func identities(_ phase: String) -> [String] {
            events.filter { $0["ph"] as? String == phase }
                .compactMap { $0["id"] as? String }.sorted()
        }
        // 4 micro-batches there and back between 2 pairs of ranks.
        #expect(identities("s").count == 16)
        #expect(Set(identities("s")).count == 16)
        #expect(identities("s") == identities("f"))
    }

    @Test("two traces stand beside each other as processes of their own")
    func showsTwo() throws {
        let predicted = try MadeTrace { _, _, _ in 0.25 }
        let measured = try MadeTrace(.measurement) { _, _, _ in 0.5 }
        let events = try events([predicted.trace, measured.trace], predicted.program)
        let names = events.filter { $0["name"] as? String == "process_name" }
            .compactMap { ($0["args"] as? [String: String])?["name"] }
        #expect(names.count == 8)
        #expect(names.contains("prediction: rank 3, stage 1"))
        #expect(names.contains("measurement: rank 0, stage 0"))
        #expect(Set(events.compactMap { $0["pid"] as? Int }) == Set(0..<8))
    }
}
