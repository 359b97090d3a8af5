import ApusBase
import Testing

@testable import ApusPlan

@Suite("Suggestions")
struct SuggestionTests {
    @Test("the distance counts insertions, removals, replacements and swaps of neighbours")
    func measuresDistance() {
        #expect(editDistance("", "abc") == 3)
        #expect(editDistance("abc", "") == 3)
        #expect(editDistance("kitten", "sitting") == 3)
        #expect(editDistance("nodse", "nodes") == 1)
        #expect(editDistance("plan", "plan") == 0)
    }

    @Test("it is a distance: symmetric, zero only for equal names, within the triangle")
    func isDistance() {
        let names = FileSchema.plan.map(\.key)
        for first in names {
            for second in names {
                let distance = editDistance(first, second)
                #expect(distance == editDistance(second, first))
                #expect((distance == 0) == (first == second))
                #expect(distance <= max(first.count, second.count))
            }
        }
    }

    @Test("each key with one letter wrong is recognised")
    func recognisesSlips() {
        let names = FileSchema.plan.map(\.key)
        for name in names {
            #expect(Suggestion(for: String(name.dropFirst()), among: names).nearest == name)
            #expect(Suggestion(for: name + "s", among: names).nearest == name)
        }
        #expect(Suggestion(for: "colour", among: names).nearest == nil)
    }

    @Test("very long names cost no time and match nothing")
    func boundsLength() {
        let name = String(repeating: "pipeline_parallel", count: 10_000)
        #expect(Suggestion(for: name, among: FileSchema.plan.map(\.key)).nearest == nil)
    }
}
