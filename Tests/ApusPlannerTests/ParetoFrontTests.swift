import ApusBase
import ApusPlan
import Testing

@testable import ApusPlanner

@Suite("Pareto front of step time, memory and time to first token")
struct ParetoFrontTests {
    private func candidates(seed: UInt64, count: Int = 300) -> [Candidate] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { index in
            var strategy = Strategy(degrees: Degrees(data: index + 1))
            strategy.microBatchSize = index + 1
            return Candidate(
                strategy: strategy, stepTime: Seconds(1 + 9 * generator.nextUnit()),
                memory: Bytes(2_000_000_000 + Int(7e10 * generator.nextUnit())),
                timeToFirstToken: Seconds(0.01 + generator.nextUnit()))
        }
    }

    private func front(_ candidates: [Candidate]) -> [Candidate] {
        var front = ParetoFront()
        for candidate in candidates { front.insert(candidate, in: ParetoFront.Box(candidate)) }
        return front.candidates
    }

    private func isBeaten(_ box: ParetoFront.Box, by other: ParetoFront.Box) -> Bool {
        box != other && other.time <= box.time && other.memory <= box.memory
            && other.firstToken <= box.firstToken
    }

    @Test("what no box beats is on the front, and nothing else", arguments: 1...6)
    func holdsUnbeaten(seed: UInt64) {
        let all = candidates(seed: seed)
        let boxes = Set(all.map { ParetoFront.Box($0) })
        let unbeaten = boxes.filter { box in !boxes.contains { isBeaten(box, by: $0) } }
        #expect(Set(front(all).map { ParetoFront.Box($0) }) == unbeaten)
    }

    @Test("no strategy beats one of the front in all three", arguments: 1...6)
    func nothingBeatsFront(seed: UInt64) {
        let all = candidates(seed: seed)
        for own in front(all) {
            #expect(
                !all.contains { other in
                    other != own && other.stepTime < own.stepTime && other.memory < own.memory
                        && other.timeToFirstToken < own.timeToFirstToken
                })
        }
    }

    @Test("the order of insertion does not matter", arguments: 1...6)
    func ignoresOrder(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let all = candidates(seed: seed)
        #expect(front(all) == front(all.shuffled(using: &generator)))
        #expect(front(all) == front(all.reversed()))
    }

    @Test("values beyond every scale are held, not trapped")
    func holdsExtremes() {
        for value in [0, 1e-300, 1e300, Double.infinity, .nan] {
            let box = ParetoFront.Box(time: value, memory: value, firstToken: value)
            #expect(box.time >= 0 && box.memory >= 0 && box.firstToken >= 0)
            #expect(!ParetoFront().beats(box))
        }
    }
}
