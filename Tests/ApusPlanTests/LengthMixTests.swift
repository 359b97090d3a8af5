import ApusPlan
import ApusTestSupport
import Testing

@Suite("Sequence lengths in turn")
struct LengthMixTests {
    @Test(
        "each length keeps its share over any stretch of steps",
        arguments: [[1.0], [1, 1, 1], [2, 1, 1], [0.7, 0.2, 0.1]])
    func keepsShares(weights: [Double]) {
        let mix = LengthMix(lengths: Array(1...weights.count), weights: weights)
        let total = weights.reduce(0, +)
        var counts = weights.map { _ in 0 }
        for (step, turn) in mix.turns.prefix(1000).enumerated() {
            #expect(turn.ordinal == counts[turn.index])
            counts[turn.index] += 1
            for (count, weight) in zip(counts, weights) {
                #expect(abs(Double(count) - Double(step + 1) * weight / total) <= 1)
            }
        }
    }

    @Test("a workload of several lengths is trained with all of them, a run section rules")
    func readsLengths() throws {
        let several = SmallFile.text.replacing(
            "sequence_lengths: [16]", with: "sequence_lengths: [16, 8]\n  length_weights: [3, 1]")
        let mixed = try SmallFile.read(several).deployment
        #expect(mixed.run.mix == LengthMix(lengths: [16, 8], weights: [3, 1]))
        #expect(mixed.run.lengths == [16, 8])
        let own = try SmallFile.read(
            several + "\nrun: { sequence_lengths: [4, 2] }\n"
        ).deployment
        #expect(own.run.mix == LengthMix(lengths: [4, 2], weights: [1, 1]))
        let one = try SmallFile.read(several + "\nrun: { sequence_length: 4 }\n").deployment
        #expect(one.run.mix == nil)
        #expect(one.run.lengths == [4])
        let again = try SmallFile.read(mixed.text()).deployment
        #expect(again.run == mixed.run)
    }

    @Test(
        "mistakes in a run's lengths are told",
        arguments: [
            ("sequence_length: 4, sequence_lengths: [4, 2]", "stands beside"),
            ("sequence_lengths: [4, 4]", "names a length twice"),
            ("sequence_lengths: [4, 2], length_weights: [1]", "has 1 entry"),
            ("length_weights: [1]", "has 1 entry"),
        ])
    func refuses(run: String, words: String) {
        #expect {
            try SmallFile.read(SmallFile.text + "\nrun: { \(run) }\n")
        } throws: { error in
            "\(error)".contains(words)
        }
    }
}
