import ApusBase
import Testing

@testable import ApusEngine

/// Each operation with the inputs it is tried on.
enum Differentiable: String, CaseIterable, CustomTestStringConvertible {
    case plus, times, dividedBy, linear, rmsNorm, rotary, attention, groupedAttention, gatedSiLU
    case softmax, routerWeights, chosenWeights, groupedLinear, embedding, spreadRows, mergeRows
    case permuteRows, headLoss, headLossOfFewTokens

    var testDescription: String { rawValue }

    var inputs: [Numbers] {
        switch self {
        case .plus, .times: [Numbers(seed: 1, [3, 4]), Numbers(seed: 2, [3, 1])]
        case .dividedBy: [Numbers(seed: 1, [3, 4]), Numbers([1.5, -2, 0.7], [3, 1])]
        case .linear: [Numbers(seed: 1, [2, 3, 5]), Numbers(seed: 2, [7, 5])]
        case .rmsNorm: [Numbers(seed: 1, [2, 3, 21]), Numbers(seed: 2, [21])]
        case .rotary: [Numbers(seed: 1, [2, 5, 3, 6])]
        case .attention:
            [1, 2, 3].map { Numbers(seed: $0, [2, 5, 2, 4]) }
        case .groupedAttention:
            [Numbers(seed: 1, [2, 5, 4, 4])] + [2, 3].map { Numbers(seed: $0, [2, 5, 2, 4]) }
        case .gatedSiLU: [Numbers(seed: 1, [3, 10])]
        case .softmax, .routerWeights, .chosenWeights: [Numbers(seed: 1, [5, 6])]
        case .groupedLinear: [Numbers(seed: 1, [7, 3]), Numbers(seed: 2, [4, 5, 3])]
        case .embedding: [Numbers(seed: 1, [6, 3])]
        case .spreadRows: [Numbers(seed: 1, [3, 4])]
        case .mergeRows: [Numbers(seed: 1, [6, 4]), Numbers(seed: 2, [3, 2])]
        case .permuteRows: [Numbers(seed: 1, [6, 4])]
        case .headLoss: [Numbers(seed: 1, [7, 4]), Numbers(seed: 2, [9, 4])]
        case .headLossOfFewTokens: [Numbers(seed: 1, [3, 5]), Numbers(seed: 2, [9, 5])]
        }
    }

    func apply(_ list: borrowing TensorList, _ engine: Engine) throws(EngineError) -> Tensor {
        switch self {
        case .plus: return try list[0].plus(list[1])
        case .times: return try list[0].times(list[1])
        case .dividedBy: return try list[0].dividedBy(list[1])
        case .linear: return try list[0].linear(list[1])
        case .rmsNorm: return try list[0].rmsNorm(list[1], epsilon: 1e-5)
        case .rotary: return try list[0].rotary(theta: 100)
        case .attention, .groupedAttention:
            return try list[0].attention(keys: list[1], values: list[2], causal: true)
        case .gatedSiLU: return try list[0].gatedSiLU()
        case .softmax: return try list[0].softmax()
        case .routerWeights:
            let top = try list[0].softmax().topK(2)
            return try top.values.dividedBy(top.values.sumLastDimensionKeepingIt())
        case .chosenWeights:
            let indices = try engine.tensor([0, 3, 1, 2, 5, 4, 2, 0, 3, 3] as [Int64], shape: [5, 2])
            let chosen = try list[0].softmax().gather(indices)
            return try chosen.dividedBy(chosen.sumLastDimensionKeepingIt())
        case .groupedLinear: return try list[0].groupedLinear(list[1], counts: [2, 0, 4, 1])
        case .embedding:
            return try list[0].embedding(
                try engine.tensor([5, 0, 5, 2] as [Int64], shape: [2, 2]))
        case .spreadRows: return try list[0].spreadRows(order: order(engine), topK: 2)
        case .mergeRows: return try list[0].mergeRows(weights: list[1], order: order(engine))
        case .permuteRows: return try list[0].permuteRows(order: order(engine))
        case .headLoss, .headLossOfFewTokens:
            let tokens = list[0].shape[0]
            let targets = try engine.tensor((0..<tokens).map { Int64($0 * 2 % 9) }, shape: [tokens])
            return try list[0].headLoss(list[1], targets: targets, scale: 0.3, chunks: 3)
        }
    }

    private func order(_ engine: Engine) throws(EngineError) -> Tensor {
        try engine.tensor([4, 1, 0, 5, 3, 2] as [Int64], shape: [6])
    }
}

@Suite("Gradients", .enabled(if: EngineUnderTest.isAvailable))
struct GradientTests {
    let engine: Engine

    init() throws { engine = try EngineUnderTest.open() }

    @Test("they are the slopes of the forward pass", arguments: Differentiable.allCases)
    func agreeWithDifferences(operation: Differentiable) throws {
        let run: Operation = { list throws(EngineError) in try operation.apply(list, engine) }
        let evaluated = try engine.evaluate(operation.inputs, .float64, run)
        let expected = try engine.differences(operation.inputs, run)
        // The tables of angles and every softmax keep at least FP32, so FP64 runs stay exact.
        for (gradient, slope) in zip(evaluated.gradients, expected) {
            #expect(distance(gradient, slope) < 1e-6)
        }
    }

    @Test("FP32 agrees with FP64, forward and backward", arguments: Differentiable.allCases)
    func agreeAcrossPrecisions(operation: Differentiable) throws {
        let run: Operation = { list throws(EngineError) in try operation.apply(list, engine) }
        let wide = try engine.evaluate(operation.inputs, .float64, run)
        let narrow = try engine.evaluate(operation.inputs, .float32, run)
        #expect(narrow.shape == wide.shape)
        #expect(distance(narrow.output, wide.output) < 1e-6)
        for (gradient, expected) in zip(narrow.gradients, wide.gradients) {
            #expect(distance(gradient, expected) < 2e-6)
        }
    }

    @Test("two runs agree to the bit", arguments: Differentiable.allCases)
    func repeatToTheBit(operation: Differentiable) throws {
        let run: Operation = { list throws(EngineError) in try operation.apply(list, engine) }
        let first = try engine.evaluate(operation.inputs, .float32, run)
        let second = try engine.evaluate(operation.inputs, .float32, run)
        #expect(first.output == second.output)
        #expect(first.gradients == second.gradients)
    }

    @Test("a gradient that is already there is added to", arguments: Differentiable.allCases)
    func accumulateInPlace(operation: Differentiable) throws {
        let run: Operation = { list throws(EngineError) in try operation.apply(list, engine) }
        let plain = try engine.evaluate(operation.inputs, .float32, run)
        let leaves = try engine.leaves(operation.inputs, .float32)
        var gradients = try TensorList(engine)
        for input in operation.inputs {
            let gradient = try engine.zeros(input.shape)
            try gradient.fill(1)
            try gradients.append(gradient)
        }
        for index in operation.inputs.indices { try leaves[index].setGradient(gradients[index]) }
        let output = try engine.recordingGradients(true) { () throws(EngineError) in
            try run(leaves)
        }
        let upstream = Numbers(seed: 99, output.shape)
        let slope = try engine.tensor(upstream.values, shape: upstream.shape).converted(to: .float32)
        let graph = try Graph(
            engine, outputs: try engine.list(output), inputs: try TensorList(engine))
        _ = try graph.backward(outputGradients: try engine.list(slope))
        for index in operation.inputs.indices {
            let added = try gradients[index].doubles().map { $0 - 1 }
            #expect(zip(added, plain.gradients[index]).allSatisfy { abs($0 - $1) < 1e-5 })
            let kept = try #require(try leaves[index].takeGradient()?.doubles())
            #expect(kept == (try gradients[index].doubles()))
        }
    }

    @Test("an expert without rows gets a gradient of exactly zero, also when there are no rows")
    func leaveIdleExpertsAtZero() throws {
        let weights = Numbers(seed: 2, [3, 5, 4])
        let evaluated = try engine.evaluate([Numbers(seed: 1, [2, 4]), weights], .float32) {
            list throws(EngineError) in
            try list[0].groupedLinear(list[1], counts: [0, 2, 0])
        }
        #expect(evaluated.gradients[1][0..<20].allSatisfy { $0 == 0 })
        #expect(evaluated.gradients[1][20..<40].contains { $0 != 0 })
        #expect(evaluated.gradients[1][40..<60].allSatisfy { $0 == 0 })
        let idle = try engine.evaluate([Numbers([], [0, 4]), weights], .float32) {
            list throws(EngineError) in
            try list[0].groupedLinear(list[1], counts: [0, 0, 0])
        }
        #expect(idle.shape == [0, 5])
        #expect(idle.gradients == [[], [Double](repeating: 0, count: 60)])
    }

    @Test("operations take no rows at all")
    func takeNoRows() throws {
        let none = Numbers([], [0, 4])
        let order = try engine.tensor([] as [Int64], shape: [0])
        let spread = try engine.evaluate([none], .float32) { list throws(EngineError) in
            try list[0].spreadRows(order: order, topK: 2)
        }
        #expect(spread.shape == [0, 4])
        let merged = try engine.evaluate([none, Numbers([], [0, 2])], .float32) {
            list throws(EngineError) in
            try list[0].mergeRows(weights: list[1], order: order)
        }
        #expect(merged.shape == [0, 4])
        let normed = try engine.evaluate([none, Numbers(seed: 1, [4])], .float32) {
            list throws(EngineError) in
            try list[0].rmsNorm(list[1], epsilon: 1e-5).gatedSiLU()
        }
        #expect(normed.shape == [0, 2])
        #expect(normed.gradients[1] == [0, 0, 0, 0])
    }
}
