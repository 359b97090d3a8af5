import ApusEngine
import ApusPlan

/// Measures products, dense and of several experts, and attention.
struct ProductRuns {
    let bench: OperationBench
    private var engine: Engine { bench.engine }

    /// The three products of a weight: forward, the input's gradient, and the weight's.
    func products(
        rows: Int, _ weight: CalibrationShapes.Weight
    ) throws(EngineError) -> [Calibration.Product] {
        let (outputs, inputs) = (weight.outputs, weight.inputs)
        var list = try TensorList(engine)
        try list.append(try engine.noise([rows, inputs]))
        var turn = 0
        let fixed = try engine.weights([outputs, inputs], hasGradient: false)
        let toInput = try bench.timings(list, gradients: [true]) { leaves throws(EngineError) in
            turn += 1
            return try leaves[0].linear(fixed[turn % fixed.count])
        }
        let learned = try engine.weights([outputs, inputs], hasGradient: true)
        let toWeight = try bench.timings(list, gradients: [false]) { leaves throws(EngineError) in
            turn += 1
            return try leaves[0].linear(learned[turn % learned.count])
        }
        return [
            row(rows, outputs, inputs, toInput.forward),
            row(rows, inputs, outputs, toInput.backward),
            row(outputs, inputs, rows, toWeight.backward),
        ]
    }

    /// The same for `groups` experts of `rows` rows each.
    func groupedProducts(
        groups: Int, rows: Int, _ weight: CalibrationShapes.Weight
    ) throws(EngineError) -> [Calibration.Product] {
        let (outputs, inputs) = (weight.outputs, weight.inputs)
        var list = try TensorList(engine)
        try list.append(try engine.noise([groups * rows, inputs]))
        let counts = [Int](repeating: rows, count: groups)
        var turn = 0
        let fixed = try engine.weights([groups, outputs, inputs], hasGradient: false)
        let toInput = try bench.timings(list, gradients: [true]) { leaves throws(EngineError) in
            turn += 1
            return try leaves[0].groupedLinear(fixed[turn % fixed.count], counts: counts)
        }
        let learned = try engine.weights([groups, outputs, inputs], hasGradient: true)
        let toWeight = try bench.timings(list, gradients: [false]) { leaves throws(EngineError) in
            turn += 1
            return try leaves[0].groupedLinear(learned[turn % learned.count], counts: counts)
        }
        return [
            row(rows, outputs, inputs, toInput.forward, groups: groups),
            row(rows, inputs, outputs, toInput.backward, groups: groups),
            row(outputs, inputs, rows, toWeight.backward, groups: groups),
        ]
    }

    private func row(
        _ m: Int, _ n: Int, _ k: Int, _ timing: Timing, groups: Int = 1
    ) -> Calibration.Product {
        Calibration.Product(
            m: m, n: n, k: k, groups: groups, type: .fp32, microseconds: timing.microseconds,
            spread: timing.roundedSpread)
    }

    func attention(
        sequences: Int, length: Int, heads: Int, headDim: Int
    ) throws(EngineError) -> [Calibration.Attention] {
        var list = try TensorList(engine)
        for seed in 1...3 {
            try list.append(
                try engine.noise([sequences, length, heads, headDim], seed: UInt64(seed)))
        }
        let found = try bench.timings(
            list, gradients: [true, true, true]
        ) { leaves throws(EngineError) in
            try leaves[0].attention(keys: leaves[1], values: leaves[2], causal: true).contiguous()
        }
        return [(Pass.forward, found.forward), (.backward, found.backward)].map { pass, timing in
            Calibration.Attention(
                sequences: sequences, length: length, heads: heads, headDim: headDim, pass: pass,
                type: .fp32, microseconds: timing.microseconds, spread: timing.roundedSpread)
        }
    }
}
