import Testing

@testable import ApusCalibration

@Suite("Stopwatch")
struct StopwatchTests {
    @Test("the median counts, and a slow sample moves only the spread")
    func takesMedian() {
        let timing = Timing([3, 1, 2, 100, 2])
        #expect(timing.seconds == 2)
        #expect(timing.spread == 0.5)
    }

    @Test(
        "four significant digits stay, whatever the size",
        arguments: [
            (123_456.0, 123_500.0), (1.23456, 1.235), (0.000123456, 0.0001235), (0, 0),
        ])
    func rounds(value: Double, expected: Double) {
        #expect(significant(value) == expected)
    }

    @Test("what a measurement itself takes is taken off, but never all of it")
    func takesOff() {
        let timing = Timing(seconds: 10, spread: 0.1)
        #expect(timing.without(8).seconds == 2)
        #expect(timing.without(8).spread == 0.5)
        #expect(timing.without(12).seconds == 0.5)
    }
}
