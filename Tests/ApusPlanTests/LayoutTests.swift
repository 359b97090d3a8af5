import ApusBase
import ApusPlan
import Testing

@Suite("Degrees in a flag")
struct LayoutTests {
    private func messages(_ layout: String) -> [String] {
        do {
            return [try Degrees(layout: layout).layout]
        } catch {
            return error.diagnostics.map(\.description)
        }
    }

    @Test("a list names them, and the rest are 1")
    func reads() throws {
        #expect(try Degrees(layout: "pp4,dp4,ep4") == Degrees(pipeline: 4, data: 4, expert: 4))
        #expect(
            try Degrees(layout: "etp2, tp8 ,cp3")
                == Degrees(context: 3, tensor: 8, expertTensor: 2))
    }

    @Test("degrees are written as they are read", arguments: [1, 2, 3], [1, 65_536])
    func readsBack(pipeline: Int, expert: Int) throws {
        let context = 5
        for degrees in [
            Degrees(pipeline: pipeline, context: context, expert: expert),
            Degrees(data: expert, tensor: pipeline, expertTensor: context),
        ] {
            #expect(try Degrees(layout: degrees.layout) == degrees)
        }
    }

    @Test("everything that is wrong is said at once, with what was meant")
    func saysWhatIsWrong() {
        #expect(
            messages("pp4,dq2,pp2,tp,ep0") == [
                """
                error: `--layout` has the axis `dq`  [unknown-key]
                  expected: pp, dp, cp, tp, ep or etp, each with its degree, such as `pp4,dp4,ep4`
                """,
                "error: `--layout` gives `pp` twice  [duplicate-key]",
                """
                error: `--layout` has `tp`  [wrong-type]
                  expected: `tp` and an integer from 1 to 65536, such as `tp4`
                """,
                """
                error: `--layout` has `ep0`  [out-of-range]
                  expected: `ep` and an integer from 1 to 65536, such as `ep4`
                """,
            ])
    }

    @Test(
        "what is no layout is refused",
        arguments: [
            "", ",", "4", "pp", "pp-1", "pp4;dp4", "pp 4 4", "pp99999999999999999999", "pp4.0",
            "PP4", "pp٤", "pp4,", "edp2", String(repeating: "pp4,", count: 1000),
        ])
    func refuses(layout: String) {
        let messages = messages(layout)
        #expect(messages.count <= 17)
        #expect(messages.allSatisfy { $0.hasPrefix("error: `--layout` ") })
    }
}
