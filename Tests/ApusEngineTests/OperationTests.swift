import ApusBase
import Glibc
import Testing

@testable import ApusEngine

@Suite("Operations against their written-out form", .enabled(if: EngineUnderTest.isAvailable))
struct OperationTests {
    let engine: Engine

    init() throws { engine = try EngineUnderTest.open() }

    private func output(
        _ inputs: [Numbers], _ operation: Operation
    ) throws(EngineError) -> [Double] {
        try engine.evaluate(inputs, .float32, operation).output
    }

    @Test("a linear layer multiplies by the transposed weight")
    func linear() throws {
        let (x, weight) = (Numbers(seed: 1, [3, 4]), Numbers(seed: 2, [5, 4]))
        var expected: [Double] = []
        for row in 0..<3 {
            for out in 0..<5 {
                expected.append(
                    (0..<4).reduce(0) {
                        $0 + x.values[row * 4 + $1] * weight.values[out * 4 + $1]
                    })
            }
        }
        let actual = try output([x, weight]) { list throws(EngineError) in
            try list[0].linear(list[1])
        }
        #expect(distance(actual, expected) < 1e-6)
    }

    @Test("root mean square normalisation, for widths that fill no vector too", arguments: [3, 16, 37])
    func rmsNorm(width: Int) throws {
        let (x, weight) = (Numbers(seed: 1, [70, width]), Numbers(seed: 2, [width]))
        var expected: [Double] = []
        for row in 0..<70 {
            let values = x.values[row * width..<(row + 1) * width]
            let mean = values.reduce(0) { $0 + $1 * $1 } / Double(width)
            expected += zip(values, weight.values).map { $0 / (mean + 1e-5).squareRoot() * $1 }
        }
        let actual = try output([x, weight]) { list throws(EngineError) in
            try list[0].rmsNorm(list[1], epsilon: 1e-5)
        }
        #expect(distance(actual, expected) < 1e-6)
    }

    @Test("rotation turns the pair (i, i + headDim / 2) by position × theta^(-2i / headDim)")
    func rotary() throws {
        let (length, heads, width) = (5, 2, 6)
        let x = Numbers(seed: 1, [2, length, heads, width])
        var expected = x.values
        for row in 0..<2 * length * heads {
            let position = Double(row / heads % length)
            for pair in 0..<width / 2 {
                let angle = position * pow(50, -2 * Double(pair) / Double(width))
                let first = x.values[row * width + pair]
                let second = x.values[row * width + pair + width / 2]
                expected[row * width + pair] = first * cos(angle) - second * sin(angle)
                expected[row * width + pair + width / 2] = second * cos(angle) + first * sin(angle)
            }
        }
        let actual = try output([x]) { list throws(EngineError) in try list[0].rotary(theta: 50) }
        #expect(distance(actual, expected) < 1e-6)
    }

    @Test("attention weighs earlier positions, with fewer key heads too", arguments: [4, 2, 1])
    func attention(keyHeads: Int) throws {
        let (length, heads, width) = (6, 4, 8)
        let queries = Numbers(seed: 1, [1, length, heads, width])
        let keys = Numbers(seed: 2, [1, length, keyHeads, width])
        let values = Numbers(seed: 3, [1, length, keyHeads, width])
        var expected: [Double] = []
        for position in 0..<length {
            for head in 0..<heads {
                let shared = head / (heads / keyHeads)
                let scores = (0...position).map { other in
                    exp(
                        (0..<width).reduce(0) {
                            $0 + queries.values[(position * heads + head) * width + $1]
                                * keys.values[(other * keyHeads + shared) * width + $1]
                        } / Double(width).squareRoot())
                }
                let total = scores.reduce(0, +)
                for column in 0..<width {
                    expected.append(
                        (0...position).reduce(0) {
                            $0 + scores[$1] / total
                                * values.values[($1 * keyHeads + shared) * width + column]
                        })
                }
            }
        }
        let evaluated = try engine.evaluate([queries, keys, values], .float32) {
            list throws(EngineError) in
            try list[0].attention(keys: list[1], values: list[2], causal: true)
        }
        #expect(evaluated.shape == [1, length, heads, width])
        #expect(distance(evaluated.output, expected) < 1e-6)
    }

    @Test("the gated activation holds far from zero too")
    func gatedSiLU() throws {
        let gates: [Double] = [-200, -90, -30, -1, 0, 1e-3, 1, 30, 90, 200]
        let ups = [Double](repeating: 2, count: gates.count)
        let expected = gates.map { 2 * $0 / (1 + exp(-$0)) }
        let actual = try output([Numbers(gates + ups, [1, 2 * gates.count])]) {
            list throws(EngineError) in
            try list[0].gatedSiLU()
        }
        for (value, wanted) in zip(actual, expected) {
            #expect(abs(value - wanted) <= 1e-6 * abs(wanted) + 1e-30)
        }
    }

    @Test("top k gives the greatest first, and where they stood")
    func topK() throws {
        let scores = try engine.tensor([0.1, 0.7, 0.2, 0.9, 0.3, 0.5] as [Float], shape: [2, 3])
        let top = try scores.topK(2)
        #expect(try top.values.floats() == [0.7, 0.2, 0.9, 0.5])
        #expect(try top.indices.integers() == [1, 2, 0, 2])
    }

    @Test("assignments are sorted by expert and keep their order within one")
    func sorting() throws {
        let indices = try engine.tensor([2, 0, 2, 3, 0, 2] as [Int64], shape: [3, 2])
        let sorted = try sortByExpert(indices, experts: 5)
        #expect(try sorted.order.integers() == [1, 4, 0, 2, 5, 3])
        #expect(sorted.counts == [2, 0, 3, 1, 0])
        let error = try #require(throws: EngineError.self) {
            _ = try sortByExpert(indices, experts: 3)
        }
        #expect(error.description == "sort by expert: expert 3 is not one of 3")
    }

    @Test("spreading and merging with weights that add up to one give the rows back")
    func spreadingAndMerging() throws {
        let x = Numbers(seed: 1, [9, 5])
        let indices = Numbers(seed: 2, [9, 2]).values.map { Int64(abs($0) * 4) }
        let sorted = try sortByExpert(try engine.tensor(indices, shape: [9, 2]), experts: 4)
        let weights = try engine.empty([9, 2])
        try weights.fill(0.5)
        let actual = try output([x]) { list throws(EngineError) in
            try list[0].spreadRows(order: sorted.order, topK: 2)
                .mergeRows(weights: weights, order: sorted.order)
        }
        #expect(distance(actual, x.values) < 1e-6)
    }

    @Test("the head's loss is the scaled sum of cross-entropies", arguments: [1, 2, 7, 100])
    func headLoss(chunks: Int) throws {
        let (tokens, hidden, vocab) = (7, 4, 11)
        let (x, weight) = (Numbers(seed: 1, [tokens, hidden]), Numbers(seed: 2, [vocab, hidden]))
        let targets = (0..<tokens).map { Int64($0 * 3 % vocab) }
        var expected = 0.0
        for token in 0..<tokens {
            let logits = (0..<vocab).map { word in
                (0..<hidden).reduce(0) {
                    $0 + x.values[token * hidden + $1] * weight.values[word * hidden + $1]
                }
            }
            expected += log(logits.reduce(0) { $0 + exp($1) }) - logits[Int(targets[token])]
        }
        let places = try engine.tensor(targets, shape: [tokens])
        let run: Operation = { list throws(EngineError) in
            try list[0].headLoss(list[1], targets: places, scale: 0.25, chunks: chunks)
        }
        #expect(distance(try output([x, weight], run), [expected / 4]) < 1e-6)
        let whole = try engine.evaluate([x, weight], .float64) { list throws(EngineError) in
            try list[0].headLoss(list[1], targets: places, scale: 0.25, chunks: 1)
        }
        let parts = try engine.evaluate([x, weight], .float64, run)
        for (part, one) in zip(parts.gradients, whole.gradients) {
            #expect(distance(part, one) < 1e-12)
        }
        let silent = try engine.recordingGradients(false) { () throws(EngineError) in
            try run(try engine.leaves([x, weight], .float32)).doubles()
        }
        #expect(distance(silent, [expected / 4]) < 1e-6)
    }

    @Test("shapes that do not fit are refused with their numbers")
    func refusesShapes() throws {
        let rows = try engine.zeros([6, 4])
        func message(_ body: () throws(EngineError) -> Void) throws -> String {
            try #require(throws: EngineError.self) { try body() }.description
        }
        #expect(
            try message { () throws(EngineError) in
                _ = try rows.linear(try engine.zeros([3, 5]))
            } == "linear: rows of [6, 4] do not fit a weight of [3, 5]")
        #expect(
            try message { () throws(EngineError) in
                _ = try rows.groupedLinear(try engine.zeros([2, 3, 4]), counts: [2, 3])
            } == "grouped linear: counts add up to 5, rows are 6")
        #expect(
            try message { () throws(EngineError) in
                _ = try rows.rmsNorm(try engine.zeros([5]), epsilon: 1e-5)
            } == "rms norm: rows of [6, 4] do not fit a norm weight of [5]")
        let order = try engine.tensor([0, 1, 2, 3, 4, 4] as [Int64], shape: [6])
        #expect(
            try message { () throws(EngineError) in _ = try rows.permuteRows(order: order) }
                == "permute rows: the order is no permutation: 4 at 5")
        #expect(
            try message { () throws(EngineError) in
                let targets = try engine.tensor([0] as [Int64], shape: [1])
                _ = try rows.headLoss(
                    try engine.zeros([9, 4]), targets: targets, scale: 1, chunks: 1)
            } == "head loss: targets of [1] Long for 6 tokens")
        #expect(
            try message { () throws(EngineError) in
                let tokens = try engine.tensor([7] as [Int64], shape: [1])
                _ = try rows.embedding(tokens)
            }.hasPrefix("embedding: "))
    }
}
