import ApusBase
import ApusPlan
import ApusProgram
import ApusTestSupport
import Testing

@testable import ApusTrace

extension Trace {
    /// A trace with odd names and numbers.
    static func example() throws -> Trace {
        let plan = Plan.small(pipeline: 2, data: 2, expert: 2)
        let shape = StepShape(bucket: plan.buckets[0], length: 16, precision: .fp32)
        let program = try compile(model: .small(), plan: plan, shape: shape)
        var trace = Trace(
            source: .measurement,
            subject: Trace.Subject(deployment: "a \"b\" \\ é\u{1}\n", program: program),
            queues: ["data", "activations_in"], ranks: [])
        for rank in 0..<4 {
            var own = RankTrace(
                rank: Rank(rank), stage: Stage(rank / 2), persistent: Bytes(1 << 40))
            own.events = (0..<50).map { index in
                TraceEvent(
                    step: 3 + index / 25, instruction: index % 25, start: Double(index) / 3,
                    end: Double(index) / 3 + 1e-7, held: index.isMultiple(of: 7) ? -index : index)
            }
            own.transfers = [
                TraceTransfer(
                    step: 3, instruction: 4, queue: 1, begin: 1.0 / 3, end: 2e8, planned: 1 << 41,
                    actual: 0)
            ]
            trace.ranks.append(own)
        }
        return trace
    }
}

@Suite("Trace")
struct TraceTests {
    @Test("the text of a trace reads back to an equal one, with equal bytes")
    func roundTrips() throws {
        let trace = try Trace.example()
        let read = try Trace(bytes: Array(trace.text.utf8), file: "x")
        #expect(read == trace)
        #expect(read.text == trace.text)
        #expect(read.steps == [3, 4])
    }

    @Test("sections of ranks written one behind the other make one trace")
    func concatenates() throws {
        let trace = try Trace.example()
        var lines = [trace.header]
        for rank in trace.ranks { rank.append(to: &lines) }
        #expect(lines.joined(separator: "\n") + "\n" == trace.text)
        var first = trace
        first.ranks = [trace.ranks[0]]
        #expect(trace.text.hasPrefix(first.text))
    }

    @Test("a file that is no trace is refused with its line and what was expected")
    func refusesOthers() throws {
        let lines = try Trace.example().text.split(separator: "\n").prefix(2)
        let text = lines.joined(separator: "\n") + "\n[1,2]\n"
        let problems = #expect(throws: Problems.self) {
            try Trace(bytes: Array(text.utf8), file: "run.trace")
        }
        #expect(
            problems?.diagnostics.first?.description == """
                run.trace:3: error: cannot read `[1,2]` as a line of a trace  [trace-syntax]
                  expected: an event `[step,instruction,start,end,held]`, or a transfer \
                `[step,instruction,queue,begin,end,planned,actual]`
                  hint: `apus train --trace` writes traces
                """)
    }

    @Test("no change of one byte traps, and few pass")
    func bearsDamage() throws {
        var trace = try Trace.example()
        trace.ranks = Array(trace.ranks.prefix(2))
        for index in trace.ranks.indices { trace.ranks[index].events.removeLast(45) }
        let bytes = Array(trace.text.utf8)
        var refused = 0
        for place in bytes.indices {
            for value: UInt8 in [0, 10, 34, 44, 57, 91, 123, 255] where bytes[place] != value {
                var damaged = bytes
                damaged[place] = value
                do {
                    _ = try Trace(bytes: damaged, file: "x")
                } catch {
                    refused += 1
                }
            }
        }
        #expect(refused > bytes.count * 4)
        for count in bytes.indices {
            _ = try? Trace(bytes: Array(bytes.prefix(count)), file: "x")
        }
    }

    @Test(
        "hostile files are refused at once",
        arguments: [
            "", "\n\n", "{", "[1]", "{}", String(repeating: "[", count: 1 << 20),
            String(repeating: "{\"a\":", count: 1 << 18), "{\"apus_trace\":1}",
            "{\"apus_trace\":99999999999999999999}", "{\"apus_trace\":1,\"apus_trace\":1}",
            "{\"apus_trace\":1,\"source\":\"" + String(repeating: "x", count: 1 << 20) + "\"}",
        ])
    func refusesHostile(text: String) {
        #expect(throws: Problems.self) { try Trace(bytes: Array(text.utf8), file: "x") }
    }

    @Test(
        "an entry with numbers out of their limits is refused",
        arguments: [
            "[1,1,0,1e300,0]", "[1,1,5,4,0]", "[1,1,-1,4,0]", "[1,1,0,1,9999999999999999999]",
            "[-1,1,0,1,0]", "[1,1,2,0,1,0,0]", "[1,1,0,0,1,-5,0]", "[1,1,0,0,1,0]", "[1,1,0,1,0.5]",
            "[]", "[1,1,0,1,0,]", "[1,1,0,nan,0]", "[1,1,0,0x1p3,0]", "[1,1,0,1,0]x", "1",
        ])
    func refusesEntries(line: String) throws {
        let lines = try Trace.example().text.split(separator: "\n").prefix(2)
        let text = lines.joined(separator: "\n") + "\n\(line)\n"
        let problems = #expect(throws: Problems.self) {
            try Trace(bytes: Array(text.utf8), file: "x")
        }
        #expect(problems?.diagnostics.first?.location?.line == 3)
    }
}
