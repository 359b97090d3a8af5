import ApusEngine
import ApusPlan

/// Measures what a step does with weights, and copies of memory.
struct StateRuns {
    let engine: Engine
    let watch: Stopwatch

    /// The update of so many weights, their gradients' norm, and setting these to zero.
    func states(weights count: Int) throws(EngineError) -> [Calibration.Kernel] {
        // As many tensors as a small model has, since each costs something of its own.
        let pieces = 8
        let size = max(1, count / pieces)
        var values = try TensorList(engine)
        var gradients = try TensorList(engine)
        var averages = try TensorList(engine)
        var squares = try TensorList(engine)
        let flat = try engine.noise([size * pieces])
        for index in 0..<pieces {
            try values.append(try engine.noise([size], seed: UInt64(index)))
            try gradients.append(
                try flat.narrow(dimension: 0, start: index * size, count: size))
            try averages.append(try engine.zeros([size]))
            try squares.append(try engine.zeros([size]))
        }
        var step = 0
        let update = try watch.timing { () throws(EngineError) in
            step += 1
            try adamW(
                parameters: values, gradients: gradients, exponentialAverages: averages,
                exponentialSquareAverages: squares, step: step, learningRate: 1e-3, beta1: 0.9,
                beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, gradientDivisor: 1.5)
        }
        let norm = try watch.timing { () throws(EngineError) in _ = try sumsOfSquares(gradients) }
        let clearing = try watch.timing { () throws(EngineError) in try flat.fill(0) }
        return [
            (Calibration.KernelKind.optimizer, update), (.gradientNorm, norm),
            (.clearing, clearing),
        ].map { kind, timing in
            Calibration.Kernel(
                kind: kind, pass: .forward, numbers: size * pieces,
                microseconds: timing.microseconds, spread: timing.roundedSpread)
        }
    }

    func copy(bytes: Int) throws(EngineError) -> Calibration.Copy {
        let source = try engine.noise([bytes / 4])
        let target = try engine.zeros([bytes / 4])
        let timing = try watch.timing { () throws(EngineError) in try target.copy(from: source) }
        return Calibration.Copy(
            bytes: bytes, microseconds: timing.microseconds, spread: timing.roundedSpread)
    }
}
