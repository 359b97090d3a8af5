import ApusBase
import Testing

@Suite("Seeded generator")
struct SeededGeneratorTests {
    @Test("a seed gives the published SplitMix64 sequence")
    func givesSplitMix64() {
        // Source: Vigna, splitmix64.c, run with seed 1234567.
        var generator = SeededGenerator(seed: 1_234_567)
        #expect(generator.next() == 6_457_827_717_110_365_317)
        #expect(generator.next() == 3_203_168_211_198_807_973)
        #expect(generator.next() == 9_817_491_932_198_370_423)
    }

    @Test("unit numbers lie in [0, 1) and have the mean and variance of an even spread")
    func spreadsUnits() {
        var generator = SeededGenerator(seed: 7)
        let values = (0..<10_000).map { _ in generator.nextUnit() }
        #expect(values.allSatisfy { (0..<1).contains($0) })
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +)
        #expect(abs(mean - 0.5) < 0.01)
        #expect(abs(squares / Double(values.count) - 1 / 12.0) < 0.003)
    }

    @Test("fingerprints differ where texts differ and agree where they agree")
    func fingerprints() {
        #expect(fingerprint("apus") == fingerprint("apus"))
        let texts = (0..<1000).map { "parameter \($0)" }
        #expect(Set(texts.map(fingerprint)).count == texts.count)
    }
}
