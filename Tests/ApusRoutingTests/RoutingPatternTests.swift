import ApusRouting
import Testing

@Suite("Routing patterns")
struct RoutingPatternTests {
    /// Assignments of each expert over `tokens` tokens.
    private func count(
        _ pattern: RoutingPattern, tokens: Int = 1000, step: Int = 0, experts: Int, topK: Int,
        ranks: Int
    ) -> [Int]? {
        var loads = Array(repeating: 0, count: experts)
        for token in 0..<tokens {
            let chosen = pattern.experts(
                ofToken: token, step: step, experts: experts, topK: topK, ranks: ranks)
            guard let chosen else { return nil }
            #expect(chosen.count == topK && Set(chosen).count == topK)
            for expert in chosen { loads[expert] += 1 }
        }
        return loads
    }

    @Test("give every token different experts", arguments: RoutingPattern.allCases)
    func choosesDifferent(pattern: RoutingPattern) {
        for (experts, ranks) in [(1, 1), (2, 2), (8, 4), (16, 4), (64, 64), (256, 32)] {
            for topK in 1...min(8, experts) {
                for step in [0, 7, 300] {
                    _ = count(
                        pattern, tokens: 97, step: step, experts: experts, topK: topK,
                        ranks: ranks)
                }
            }
        }
    }

    @Test("name the experts of a token")
    func namesExperts() {
        let experts = RoutingPattern.balanced.experts(
            ofToken: 5, step: 0, experts: 8, topK: 2, ranks: 4)
        #expect(experts == [2, 3])
    }

    @Test("balance to the last assignment where it divides", arguments: [1, 2, 4, 8])
    func balances(topK: Int) throws {
        let loads = try #require(count(.balanced, experts: 8, topK: topK, ranks: 4))
        #expect(loads.allSatisfy { $0 == 125 * topK })
    }

    @Test("leave the choice to the router where they are natural")
    func leavesChoice() {
        #expect(count(.natural, experts: 8, topK: 2, ranks: 4) == nil)
    }

    @Test("heat and starve the expert or the rank that they name")
    func heats() throws {
        let hot = try #require(count(.hotExpert, experts: 8, topK: 2, ranks: 4))
        #expect(hot[0] >= 900)
        let rank = try #require(count(.hotRank, experts: 8, topK: 2, ranks: 4))
        #expect(rank[0] + rank[1] >= 1800)
        let idle = try #require(count(.idleRank, experts: 8, topK: 2, ranks: 4))
        #expect(idle[6] == 0 && idle[7] == 0 && idle[..<6].allSatisfy { $0 > 300 })
        let starved = try #require(count(.idleExpert, experts: 8, topK: 2, ranks: 4))
        #expect(starved[7] == 0 && starved[..<7].allSatisfy { $0 > 250 })
        let third = try #require(count(.rotating, step: 3, experts: 8, topK: 2, ranks: 4))
        #expect(third.firstIndex(of: third.max() ?? 0) == 3)
        let calm = try #require(count(.burst, step: 6, experts: 8, topK: 2, ranks: 4))
        let burst = try #require(count(.burst, step: 7, experts: 8, topK: 2, ranks: 4))
        #expect(Set(calm) == [250] && burst[0] >= 900)
    }
}
