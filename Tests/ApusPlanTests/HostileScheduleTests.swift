import ApusPlan
import ApusTestSupport
import Testing

/// Schedules made to hurt: each gets an error, none a trap, and none takes more than a second.
@Suite("Hostile schedules", .serialized)
struct HostileScheduleTests {
    struct Attack: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var csv: String
    }

    private static func repeated(_ text: String, upTo size: Int = 262_000) -> String {
        String(repeating: text, count: size / text.utf8.count)
    }

    static let attacks = [
        Attack(testDescription: "four megabytes", csv: repeated("0F0,", upTo: 4_000_000)),
        Attack(testDescription: "commas alone", csv: repeated(",")),
        Attack(testDescription: "very many rows", csv: repeated("F0,B0\n")),
        Attack(testDescription: "rows of commas", csv: repeated(",\n")),
        Attack(testDescription: "one pass very often", csv: repeated("0F0,")),
        Attack(testDescription: "one cell of digits", csv: repeated("9")),
        Attack(testDescription: "cells of nonsense", csv: repeated("x,")),
        Attack(testDescription: "quotes", csv: repeated("\"")),
        Attack(testDescription: "control characters", csv: "0F0\u{0},\u{1}\u{7}\u{202E}\n"),
        Attack(testDescription: "digits of other scripts", csv: "٠F٠,0F0\u{301},０B０\n"),
        Attack(testDescription: "large numbers", csv: "65535F65535,0F65535\n"),
        Attack(
            testDescription: "very many chunks in one row",
            csv: (0..<30_000).map { "\($0)F0" }.joined(separator: ",")
                + repeated("\n0F0", upTo: 4000)),
        Attack(
            testDescription: "a circle of a thousand stages",
            csv: (0..<1000).map { "\($0)F0,\($0)F1,\($0)B1,\($0)B0\n" }.joined()),
        Attack(
            testDescription: "a thousand stages that end",
            csv: (0..<1000).map { stage in
                (0..<14).map { "F\($0)," }.joined() + (0..<14).map { "B\($0)," }.joined() + "\n"
            }.joined()),
    ]

    @Test("every one has an error, within a second", arguments: attacks)
    func survives(attack: Attack) {
        let clock = ContinuousClock()
        let start = clock.now
        let messages = ScheduleFileTests.messages(attack.csv)
        #expect(messages.contains("error: "), "\(messages)")
        #expect(messages.utf8.count < 100_000)
        // A second on an idle machine; tests run beside others and without optimisation.
        #expect(clock.now - start < .seconds(4))
    }
}
