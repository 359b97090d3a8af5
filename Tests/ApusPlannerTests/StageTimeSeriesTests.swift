import ApusBase
import ApusPlanner
import Testing

@Suite("The times of a run's stages")
struct StageTimeSeriesTests {
    @Test("a stage that is slower in most steps is found, with how much slower it is")
    func findsSlowStage() throws {
        let steps = (0..<9).map { step in [10, step == 4 ? 55 : 15, 11, 9.0] }
        let slow = try #require(StageTimeSeries(steps).slowStage)
        #expect(slow.stage == Stage(1))
        #expect(slow.seconds == 15)
        #expect(slow.others == 10)
        #expect(slow.ratio == 1.5)
    }

    @Test("a stage that was slow in a few steps only is not")
    func ignoresOutliers() {
        let steps = (0..<9).map { [10.0, $0 < 4 ? 30 : 10] }
        #expect(StageTimeSeries(steps).slowStage == nil)
    }

    @Test("a difference within the noise, or under a tenth, is none")
    func ignoresNoise() {
        let noisy = (0..<10).map { step in [10.0, step.isMultiple(of: 2) ? 10 : 16] }
        // The median is 13, and half of the steps lie 3 away from it.
        #expect(StageTimeSeries(noisy).slowStage == nil)
        #expect(StageTimeSeries(noisy.map { [$0[0], $0[1] + 0.1] }).slowStage != nil)
        #expect(StageTimeSeries(Array(repeating: [10, 10.9], count: 9)).slowStage == nil)
        #expect(StageTimeSeries(Array(repeating: [10, 11.1], count: 9)).slowStage != nil)
    }

    @Test("fewer than five steps, or one stage alone, say nothing")
    func needsSteps() {
        #expect(StageTimeSeries(Array(repeating: [10, 20], count: 4)).slowStage == nil)
        #expect(StageTimeSeries(Array(repeating: [10, 20], count: 5)).slowStage != nil)
        #expect(StageTimeSeries(Array(repeating: [10], count: 9)).slowStage == nil)
        #expect(StageTimeSeries([]).slowStage == nil)
    }
}
