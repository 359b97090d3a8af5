import ApusBase
import Testing

@Suite("Units")
struct UnitsTests {
    @Test(
        "sizes are printed in decimal units with three significant digits",
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1310, "1.31 kB"), (65_536, "65.5 kB"),
            (435_962_368, "436 MB"), (64_000_000_000, "64.0 GB"), (-2500, "-2.50 kB"),
            (Int.max, "9223 PB"),
        ])
    func printsBytes(count: Int, text: String) {
        #expect(Bytes(count).description == text)
    }

    @Test("sizes add, subtract, scale and compare as their counts do")
    func computesBytes() {
        var size = Bytes(3) + Bytes(4)
        size += Bytes(1)
        size -= Bytes(2)
        #expect(size == Bytes(6))
        #expect(Bytes(9) - Bytes(4) == Bytes(5))
        #expect(3 * Bytes(4) == Bytes(12))
        #expect(Bytes.zero < Bytes(1))
    }

    @Test(
        "fixed decimals round half away from zero and keep leading zeros",
        arguments: [
            (0.05, 1, "0.1"), (1.005, 1, "1.0"), (2.5, 0, "3"), (-2.5, 0, "-3"), (-0.04, 1, "0.0"),
            (0.999, 2, "1.00"), (12.03, 2, "12.03"), (7, 3, "7.000"),
        ])
    func fixesDecimals(value: Double, decimals: Int, text: String) {
        #expect(fixed(value, decimals: decimals) == text)
    }

    @Test("numbers beyond any decimals are printed as they are")
    func printsExtremes() {
        #expect(fixed(.infinity, decimals: 2) == "inf")
        #expect(fixed(1e300, decimals: 2) == "1e+300")
        #expect(fixed(9.5e14, decimals: 4) == "950000000000000.0")
        #expect(significant(.nan) == "nan")
    }

    @Test(
        "three digits are significant",
        arguments: [
            (0.123, "0.12"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (1234, "1234"),
        ])
    func keepsThreeDigits(value: Double, text: String) {
        #expect(significant(value) == text)
    }

    @Test(
        "counts are grouped by three digits",
        arguments: [
            (0, "0"), (999, "999"), (1000, "1 000"), (435_962_368, "435 962 368"),
            (-12_345, "-12 345"),
            (Int.min, "-9 223 372 036 854 775 808"),
        ])
    func groups(count: Int, text: String) {
        #expect(grouped(count) == text)
    }

    @Test("identifiers print and compare as their indices do")
    func comparesIdentifiers() {
        #expect(Rank(2) < Rank(10))
        #expect(Stage(2) < Stage(10))
        #expect(MicroBatch(2) < MicroBatch(10))
        #expect("\(Rank(3)) \(Stage(4)) \(MicroBatch(5))" == "3 4 5")
    }
}
