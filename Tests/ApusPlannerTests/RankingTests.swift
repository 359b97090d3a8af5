import ApusBase
import ApusPlan
import Testing

@testable import ApusPlanner

@Suite("Ranking of strategies")
struct RankingTests {
    private func candidate(
        _ degrees: Degrees, zeroStage: Int = 0, time: Double
    ) -> Candidate {
        var strategy = Strategy(degrees: degrees)
        strategy.zeroStage = zeroStage
        return Candidate(
            strategy: strategy, stepTime: Seconds(time), memory: Bytes(1),
            timeToFirstToken: Seconds(1))
    }

    private func ranking(_ candidates: [Candidate], countMax: Int = 3) -> [Candidate] {
        var ranking = Ranking(countMax: countMax)
        var groups: [(Degrees, NearTies)] = []
        for candidate in candidates {
            let degrees = candidate.strategy.degrees
            let index = groups.firstIndex { $0.0 == degrees } ?? groups.count
            if index == groups.count { groups.append((degrees, NearTies())) }
            groups[index].1.insert(candidate)
        }
        for group in groups { ranking.insert(group.1) }
        return ranking.candidates
    }

    @Test("of near-ties the simplest is recommended, whatever the order")
    func prefersSimple() {
        let simple = candidate(Degrees(data: 8), time: 1.004)
        let complex = candidate(Degrees(pipeline: 2, data: 2, tensor: 2), time: 1)
        #expect(ranking([simple, complex]).first == simple)
        #expect(ranking([complex, simple]).first == simple)
    }

    @Test("beyond half a percent the faster one is recommended")
    func prefersFast() {
        let simple = candidate(Degrees(data: 8), time: 1.006)
        let complex = candidate(Degrees(pipeline: 2, data: 2, tensor: 2), time: 1)
        #expect(ranking([simple, complex]).first == complex)
    }

    @Test("a simple near-tie of an early best is forgotten when something faster comes")
    func forgetsNearTies() {
        let degrees = Degrees(data: 8)
        let early = candidate(degrees, time: 1.02)
        let middle = candidate(degrees, zeroStage: 1, time: 1.016)
        let late = candidate(degrees, zeroStage: 2, time: 1)
        #expect(ranking([early, middle, late]) == [late])
        #expect(ranking([late, early, middle]) == [late])
    }

    @Test("each set of degrees is ranked once, the fastest few of them")
    func ranksDegreesOnce() {
        let candidates = (1...6).flatMap { data in
            (0...3).map { stage in
                candidate(
                    Degrees(data: data), zeroStage: stage, time: Double(data) + 0.1 * Double(stage))
            }
        }
        let ranked = ranking(candidates)
        #expect(ranked.map(\.strategy.degrees.data) == [1, 2, 3])
        #expect(ranked.allSatisfy { $0.strategy.zeroStage == 0 })
    }
}
