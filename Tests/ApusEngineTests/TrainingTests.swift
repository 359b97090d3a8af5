import ApusBase
import Testing

@testable import ApusEngine

@Suite("Graphs and the optimizer", .enabled(if: EngineUnderTest.isAvailable))
struct TrainingTests {
    let engine: Engine

    init() throws { engine = try EngineUnderTest.open() }

    @Test("an absent gradient takes no part, and an input it alone reaches gets zeros")
    func skipsAbsentGradients() throws {
        let leaves = try engine.leaves([Numbers([3], [1]), Numbers([5], [1])], .float32)
        var outputs = try TensorList(engine)
        try engine.recordingGradients(true) { () throws(EngineError) in
            try outputs.append(try leaves[0].times(leaves[0]))
            try outputs.append(try leaves[1].times(leaves[1]))
        }
        let graph = try Graph(engine, outputs: outputs, inputs: leaves)
        var gradients = try TensorList(engine)
        try gradients.append(try engine.tensor([1] as [Float], shape: [1]))
        try gradients.appendAbsent()
        let result = try graph.backward(outputGradients: gradients)
        #expect(result.count == 2)
        #expect(try result[0].floats() == [6])
        #expect(try result[1].floats() == [0])
        #expect(try leaves[0].takeGradient() == nil)
    }

    @Test("weights keep their gradients over several graphs, inputs do not")
    func addsUpWeightGradients() throws {
        let weight = try engine.tensor([2, 3] as [Float], shape: [1, 2])
            .detached(requiresGradient: true)
        let sum = try engine.zeros([1, 2])
        try weight.setGradient(sum)
        for factor in [1, 10] as [Float] {
            let input = try engine.tensor([factor, 2 * factor] as [Float], shape: [1, 2])
                .detached(requiresGradient: true)
            let output = try engine.recordingGradients(true) { () throws(EngineError) in
                try input.linear(weight)
            }
            let graph = try Graph(
                engine, outputs: try engine.list(output), inputs: try engine.list(input))
            let one = try engine.tensor([1] as [Float], shape: [1, 1])
            let gradients = try graph.backward(outputGradients: try engine.list(one))
            #expect(try gradients[0].floats() == [2, 3])
        }
        #expect(try sum.floats() == [11, 22])
    }

    @Test("a split backward leaves the weights' products for later, and comes to the same bits")
    func splitsBackward() throws {
        func run(isSplit: Bool) throws -> (inputs: [Float], early: [Float], late: [Float]) {
            let weight = try engine.tensor([2, 3, 5, 7] as [Float], shape: [2, 2])
                .detached(requiresGradient: true)
            let sum = try engine.zeros([2, 2])
            try weight.setGradient(sum)
            let input = try engine.tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
                .detached(requiresGradient: true)
            let output = try engine.recordingGradients(true) { () throws(EngineError) in
                try input.linear(weight).linear(weight)
            }
            var graph = try Graph(
                engine, outputs: try engine.list(output), inputs: try engine.list(input))
            let slope = try engine.list(
                try engine.tensor([1, -1, 0.5, 2] as [Float], shape: [2, 2]))
            guard isSplit else {
                let inputs = try graph.backward(outputGradients: slope)[0].floats()
                return (inputs, try sum.floats(), try sum.floats())
            }
            let inputs = try graph.backwardInputs(outputGradients: slope)[0].floats()
            let early = try sum.floats()
            try graph.backwardWeights()
            return (inputs, early, try sum.floats())
        }
        let (whole, split) = (try run(isSplit: false), try run(isSplit: true))
        #expect(split.inputs == whole.inputs)
        #expect(split.early == [0, 0, 0, 0])
        #expect(split.late == whole.late && whole.late != [0, 0, 0, 0])
    }

    @Test("a gradient of the wrong shape is refused in one line")
    func refusesWrongGradients() throws {
        let leaves = try engine.leaves([Numbers(seed: 1, [2, 2])], .float32)
        let output = try engine.recordingGradients(true) { () throws(EngineError) in
            try leaves[0].plus(leaves[0])
        }
        let outputs = try engine.list(output)
        let error = try #require(throws: EngineError.self) {
            let graph = try Graph(engine, outputs: outputs, inputs: leaves)
            _ = try graph.backward(outputGradients: try engine.list(try engine.zeros([3])))
        }
        #expect(error.operation == "backward")
        #expect(error.message.contains("[3]") && !error.message.contains("\n"))
        let count = try #require(throws: EngineError.self) {
            let graph = try Graph(engine, outputs: outputs, inputs: leaves)
            _ = try graph.backward(outputGradients: try TensorList(engine))
        }
        #expect(count.message == "0 gradients for 1 outputs")
    }

    @Test("AdamW steps as written out, with decay and divided gradients")
    func stepsAdamW() throws {
        let (rate, beta1, beta2, epsilon, decay, divisor) = (0.1, 0.9, 0.99, 1e-8, 0.05, 4.0)
        var parameter = Numbers(seed: 1, [40]).values
        var average = [Double](repeating: 0, count: 40)
        var square = average
        let held = try engine.tensor(asFloats(parameter), shape: [40])
        let first = try engine.zeros([40])
        let second = try engine.zeros([40])
        for step in 1...3 {
            let gradient = Numbers(seed: UInt64(step + 10), [40]).values
            try adamW(
                parameters: try engine.list(held),
                gradients: try engine.list(try engine.tensor(asFloats(gradient), shape: [40])),
                exponentialAverages: try engine.list(first),
                exponentialSquareAverages: try engine.list(second), step: step,
                learningRate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon,
                weightDecay: decay, gradientDivisor: divisor)
            for index in 0..<40 {
                let slope = gradient[index] / divisor
                average[index] = beta1 * average[index] + (1 - beta1) * slope
                square[index] = beta2 * square[index] + (1 - beta2) * slope * slope
                let mean = average[index] / (1 - power(beta1, step))
                let spread = (square[index] / (1 - power(beta2, step))).squareRoot()
                parameter[index] -=
                    rate * decay * parameter[index] + rate * mean / (spread + epsilon)
            }
        }
        #expect(distance(try held.doubles(), parameter) < 1e-6)
        #expect(distance(try first.doubles(), average) < 1e-6)
        #expect(distance(try second.doubles(), square) < 1e-6)
    }

    @Test("sums of squares are exact to FP64, also of views and other types")
    func sumsSquares() throws {
        let count = 200_003
        let values = Numbers(seed: 5, [count]).values.map(Float.init)
        let long = try engine.tensor(values, shape: [count])
        var list = try TensorList(engine)
        try list.append(long)
        try list.append(try engine.tensor([3, 4] as [Float], shape: [2]).converted(to: .bfloat16))
        try list.append(
            try engine.tensor([1, 2, 3, 4] as [Float], shape: [2, 2]).select(dimension: 1, index: 1)
        )
        let sums = try sumsOfSquares(list)
        let expected = values.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(sums[0] - expected) < 1e-12 * expected)
        #expect(sums[1...] == [25, 20])
        #expect(try sumsOfSquares(list) == sums)
    }

    private func asFloats(_ values: [Double]) -> [Float] { values.map(Float.init) }

    private func power(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1) { product, _ in product * base }
    }
}
