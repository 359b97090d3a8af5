import ApusEngine
import ApusPlan

/// Measures the kernels that are neither product nor attention.
struct KernelRuns {
    let bench: OperationBench
    let shapes: CalibrationShapes
    private var engine: Engine { bench.engine }

    /// All kinds over about so many numbers.
    func kernels(numbers: Int) throws(EngineError) -> [Calibration.Kernel] {
        try norm(numbers) + rotation(numbers) + activation(numbers) + residual(numbers)
            + rows(numbers) + router(numbers) + embedding(numbers) + crossEntropy(numbers)
    }

    /// An island's own part; it counts once, over one number.
    var island: [Calibration.Kernel] {
        pair(
            .island, numbers: 1,
            (
                Timing(seconds: bench.island.forward, spread: 0),
                Timing(seconds: bench.island.backward, spread: 0)
            ))
    }

    private func pair(
        _ kind: Calibration.KernelKind, numbers: Int, _ times: (forward: Timing, backward: Timing)
    ) -> [Calibration.Kernel] {
        [
            row(kind, .forward, numbers: numbers, times.forward),
            row(kind, .backward, numbers: numbers, times.backward),
        ]
    }

    private func row(
        _ kind: Calibration.KernelKind, _ pass: Pass, numbers: Int, _ timing: Timing
    ) -> Calibration.Kernel {
        Calibration.Kernel(
            kind: kind, pass: pass, numbers: numbers,
            microseconds: max(1e-3, timing.microseconds), spread: timing.roundedSpread)
    }

    private func list(_ shape: [Int]) throws(EngineError) -> TensorList {
        var list = try TensorList(engine)
        try list.append(try engine.noise(shape))
        return list
    }

    private func norm(_ numbers: Int) throws(EngineError) -> [Calibration.Kernel] {
        let tokens = max(1, numbers / shapes.width)
        let weight = try engine.weight([shapes.width], hasGradient: true)
        let times = try bench.timings(
            try list([tokens, shapes.width]), gradients: [true]
        ) { leaves throws(EngineError) in
            try leaves[0].rmsNorm(weight, epsilon: 1e-6)
        }
        return pair(.norm, numbers: tokens * shapes.width, times)
    }

    /// Queries and keys are turned apart, so two tensors share the numbers.
    private func rotation(_ numbers: Int) throws(EngineError) -> [Calibration.Kernel] {
        let (heads, dim, length) = (shapes.heads[0], shapes.headDims[0], shapes.lengths[0])
        let sequences = max(1, numbers / 2 / (heads * dim * length))
        let shape = [sequences, length, heads, dim]
        let times = try bench.timings(
            try list(shape), gradients: [true]
        ) { leaves throws(EngineError) in
            try leaves[0].rotary(theta: 10_000)
        }
        let both = (
            forward: Timing(seconds: 2 * times.forward.seconds, spread: times.forward.spread),
            backward: Timing(seconds: 2 * times.backward.seconds, spread: times.backward.spread)
        )
        return pair(.rotation, numbers: 2 * shape.reduce(1, *), both)
    }

    private func activation(_ numbers: Int) throws(EngineError) -> [Calibration.Kernel] {
        let tokens = max(1, numbers / shapes.width)
        let times = try bench.timings(
            try list([tokens, 2 * shapes.width]), gradients: [true]
        ) { leaves throws(EngineError) in
            try leaves[0].gatedSiLU()
        }
        return pair(.activation, numbers: tokens * shapes.width, times)
    }

    /// A sum forward; backward the two gradients that meet there are added as well.
    private func residual(_ numbers: Int) throws(EngineError) -> [Calibration.Kernel] {
        let tokens = max(1, numbers / shapes.width)
        let other = try engine.noise([tokens, shapes.width], seed: 3)
        let times = try bench.timings(
            try list([tokens, shapes.width]), gradients: [true]
        ) { leaves throws(EngineError) in
            try leaves[0].plus(other)
        }
        return pair(
            .residual, numbers: tokens * shapes.width,
            (times.forward, times.forward))
    }

    /// Rows for the experts, in another order, and back.
    private func rows(_ numbers: Int) throws(EngineError) -> [Calibration.Kernel] {
        let (width, topK) = (shapes.width, shapes.topK)
        let tokens = max(1, numbers / width / topK)
        let scores = try engine.noise([tokens, max(topK, shapes.expertCount)], seed: 4)
        let chosen = try scores.topK(topK)
        let sorted = try sortByExpert(chosen.indices, experts: max(topK, shapes.expertCount))
        let spreading = try bench.timings(
            try list([tokens, width]), gradients: [true]
        ) { leaves throws(EngineError) in
            try leaves[0].spreadRows(order: sorted.order, topK: topK)
        }
        var merged = try list([tokens * topK, width])
        try merged.append(try engine.noise([tokens, topK], seed: 5))
        let merging = try bench.timings(
            merged, gradients: [true, true]
        ) { leaves throws(EngineError) in
            try leaves[0].mergeRows(weights: leaves[1], order: sorted.order)
        }
        let permutation = try bench.timings(
            try list([tokens * topK, width]), gradients: [true]
        ) { leaves throws(EngineError) in
            try leaves[0].permuteRows(order: sorted.order)
        }
        let count = tokens * topK * width
        return pair(.spreading, numbers: count, spreading)
            + pair(.merging, numbers: count, merging)
            + pair(.permutation, numbers: count, permutation)
    }

    /// From the scores to the experts' weights, with the order of the rows.
    private func router(_ numbers: Int) throws(EngineError) -> [Calibration.Kernel] {
        guard shapes.expertCount > 1 else { return [] }
        let (experts, topK) = (shapes.expertCount, min(shapes.topK, shapes.expertCount))
        // A router has few scores: one for each token and expert.
        let tokens = max(1, min(numbers / 4, 65_536) / experts)
        let times = try bench.timings(
            try list([tokens, experts]), gradients: [true]
        ) { leaves throws(EngineError) in
            let probabilities = try leaves[0].softmax()
            let best = try probabilities.detached(requiresGradient: false).topK(topK)
            _ = try sortByExpert(best.indices, experts: experts)
            let chosen = try probabilities.gather(best.indices)
            return try chosen.dividedBy(try chosen.sumLastDimensionKeepingIt())
        }
        return pair(.router, numbers: tokens * experts, times)
    }

    private func embedding(_ numbers: Int) throws(EngineError) -> [Calibration.Kernel] {
        let tokens = max(1, numbers / shapes.width)
        let weight = try engine.weight([shapes.vocabulary, shapes.width], hasGradient: true)
        let indices = (0..<tokens).map { Int64($0 * 31 % shapes.vocabulary) }
        let places = try engine.tensor(indices, shape: [tokens])
        let times = try bench.timings(
            try TensorList(engine), gradients: []
        ) { _ throws(EngineError) in
            try weight.embedding(places)
        }
        return pair(.embedding, numbers: tokens * shapes.width, times)
    }

    /// The loss over scores, without the products around it: those of a head that is eight wide
    /// are next to nothing.
    private func crossEntropy(_ numbers: Int) throws(EngineError) -> [Calibration.Kernel] {
        let vocabulary = shapes.vocabulary
        let tokens = max(1, min(numbers, 1_048_576) / vocabulary)
        let weight = try engine.weight([vocabulary, 8], hasGradient: true)
        let targets = (0..<tokens).map { Int64($0 * 17 % vocabulary) }
        let places = try engine.tensor(targets, shape: [tokens])
        let times = try bench.timings(
            try list([tokens, 8]), gradients: [true]
        ) { leaves throws(EngineError) in
            try leaves[0].headLoss(weight, targets: places, scale: 1e-3, chunks: 1)
        }
        return pair(.crossEntropy, numbers: tokens * vocabulary, times)
    }
}
