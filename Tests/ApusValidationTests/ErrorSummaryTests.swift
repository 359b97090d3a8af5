import ApusBase
import Testing

@testable import ApusValidation

@Suite("Errors summed up")
struct ErrorSummaryTests {
    private func comparisons(_ pairs: [(Double, Double)]) throws -> [Comparison] {
        try pairs.map { try Comparison(predicted: $0.0, measured: $0.1) }
    }

    @Test("magnitudes, signs and underpredictions are told apart")
    func sumsUp() throws {
        let summary = try #require(
            ErrorSummary(try comparisons([(110, 100), (90, 100), (94, 100), (100, 100)])))
        #expect(summary.count == 4)
        #expect((summary.meanMagnitude - 6.5).magnitude < 1e-9)
        #expect((summary.medianMagnitude - 8).magnitude < 1e-9)
        #expect((summary.magnitudeMax - 10).magnitude < 1e-9)
        #expect((summary.bias + 1.5).magnitude < 1e-9)
        #expect(summary.underpredictedCount == 2)
        #expect(ErrorSummary([]) == nil)
    }

    @Test("a rate that is too high is a time that is too short")
    func signsRates() throws {
        // Measured 2 s for what is predicted to take 1 s.
        let rate = try Comparison(ratio: 2, measured: 50, isRate: true)
        let time = try Comparison(ratio: 2, measured: 2, isRate: false)
        #expect(rate.error == -0.5 && time.error == -0.5)
        #expect(rate.predicted == 100 && time.predicted == 1)
    }

    @Test("a prediction that is no number has no score")
    func refusesInfinity() {
        #expect(throws: Unscored("the prediction is no finite number")) {
            try Comparison(predicted: .infinity, measured: 1)
        }
    }

    @Test(
        "ranks follow any rising function, and are turned by a falling one",
        arguments: 0..<50 as Range<UInt64>)
    func ranks(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let values = (0..<Int.random(in: 3...30, using: &generator)).map { _ in
            generator.nextUnit()
        }
        let rising = try #require(rankCorrelation(values, values.map { $0 * $0 * $0 + 1 }))
        let falling = try #require(rankCorrelation(values, values.map { -$0 }))
        #expect((rising - 1).magnitude < 1e-12)
        #expect((falling + 1).magnitude < 1e-12)
    }

    @Test("ties share their mean rank")
    func sharesRanks() throws {
        // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: Pearson's coefficient of these is 3/√10.
        let value = try #require(rankCorrelation([1, 2, 2, 3], [1, 2, 3, 4]))
        #expect((value - 4.5 / (4.5 * 5.0).squareRoot()).magnitude < 1e-12)
        #expect(rankCorrelation([1, 1, 1], [1, 2, 3]) == nil)
        #expect(rankCorrelation([1, 2], [1, 2]) == nil)
    }
}
