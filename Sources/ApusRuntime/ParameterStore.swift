import ApusBase
package import ApusEngine
package import ApusPlan
package import ApusProgram

/// The weights that one rank holds, with their gradients and optimizer states.
///
/// A class because islands read it, the optimizer writes it, and both outlive each other's calls
/// within a step; one rank's thread owns it.
package final class ParameterStore {
    package let parameters: [StoredParameter]
    private let engine: Engine
    private let indices: [String: Int]
    /// Leaves of the autograd graph, whose gradients lie in `gradientBuffers`.
    private let values: TensorList
    private let gradients: TensorList
    private let averages: TensorList
    private let squareAverages: TensorList
    /// One flat buffer per gradient bucket, then one per weight that no bucket holds.
    private let gradientBuffers: TensorList

    /// Makes the weights of a rank, filled from their global names and the seed, so that every
    /// layout starts from the same numbers.
    package convenience init(
        engine: Engine, parameters: [StoredParameter], buckets: [GradientBucket], seed: Int
    ) throws(EngineError) {
        try self.init(engine, parameters, buckets) { parameter throws(EngineError) in
            let value = try engine.empty(parameter.shape, .float32)
            try initialize(value, parameter, seed: seed)
            return ParameterState(
                value: value, average: try engine.zeros(parameter.shape, .float32),
                squareAverage: try engine.zeros(parameter.shape, .float32))
        }
    }

    /// Makes a store of these weights in which those that `old` holds go on as they are; the others
    /// are still to be filled.
    convenience init(
        continuing old: ParameterStore, parameters: [StoredParameter], buckets: [GradientBucket]
    ) throws(EngineError) {
        let engine = old.engine
        try self.init(engine, parameters, buckets) { parameter throws(EngineError) in
            if old.indices[parameter.name] != nil { return try old.state(parameter.name) }
            return ParameterState(
                value: try engine.empty(parameter.shape, .float32),
                average: try engine.empty(parameter.shape, .float32),
                squareAverage: try engine.empty(parameter.shape, .float32))
        }
    }

    private init(
        _ engine: Engine, _ parameters: [StoredParameter], _ buckets: [GradientBucket],
        _ makeState: (StoredParameter) throws(EngineError) -> ParameterState
    ) throws(EngineError) {
        self.engine = engine
        self.parameters = parameters
        var indices: [String: Int] = [:]
        for (index, parameter) in parameters.enumerated() { indices[parameter.name] = index }
        self.indices = indices
        let buffers = try GradientBuffers(engine, parameters, buckets, indices)
        var values = try TensorList(engine)
        var averages = try TensorList(engine)
        var squareAverages = try TensorList(engine)
        for (index, parameter) in parameters.enumerated() {
            let state = try makeState(parameter)
            let leaf = try state.value.detached(requiresGradient: true)
            try leaf.setGradient(buffers.views[index])
            try values.append(leaf)
            try averages.append(state.average)
            try squareAverages.append(state.squareAverage)
        }
        self.values = values
        self.averages = averages
        self.squareAverages = squareAverages
        gradientBuffers = buffers.flat
        gradients = buffers.views
    }

    /// A weight by the name under which it is stored.
    package func value(_ name: String) throws(EngineError) -> Tensor {
        values[index(of: name)]
    }

    package func gradient(_ name: String) throws(EngineError) -> Tensor {
        gradients[index(of: name)]
    }

    /// A part of one dimension of a weight: a leaf of its own, whose gradient lies in that part of
    /// the weight's.
    func slice(
        _ name: String, dimension: Int, start: Int, count: Int
    ) throws(EngineError) -> Tensor {
        let index = index(of: name)
        let leaf = try values[index].detached(requiresGradient: false)
            .narrow(dimension: dimension, start: start, count: count)
            .detached(requiresGradient: true)
        try leaf.setGradient(
            try gradients[index].narrow(dimension: dimension, start: start, count: count))
        return leaf
    }

    /// What has to travel with a weight that another rank is to go on with, outside the graph.
    func state(_ name: String) throws(EngineError) -> ParameterState {
        let index = index(of: name)
        return ParameterState(
            value: try values[index].detached(requiresGradient: false), average: averages[index],
            squareAverage: squareAverages[index])
    }

    /// The flat gradients of a bucket, `[elements]`.
    func gradientBucket(_ bucket: Int) throws(EngineError) -> Tensor {
        gradientBuffers[bucket]
    }

    func clearGradients() throws(EngineError) {
        for index in 0..<gradientBuffers.count { try gradientBuffers[index].fill(0) }
    }

    /// The sum of squares of each named piece's gradient, in FP64, for the weights that are
    /// `owned`.
    func squaredNorms(
        where owned: (StoredParameter) -> Bool
    ) throws(EngineError) -> [(name: String, value: Double)] {
        var names: [String] = []
        var pieces = try TensorList(engine)
        for (index, parameter) in parameters.enumerated() where owned(parameter) {
            let flat = try gradients[index].view([parameter.count])
            for piece in parameter.pieces {
                names.append(piece.name)
                try pieces.append(
                    try flat.narrow(dimension: 0, start: piece.offset, count: piece.count))
            }
        }
        let sums = try sumsOfSquares(pieces)
        return zip(names, sums).map { (name: $0, value: $1) }
    }

    /// One AdamW update with gradients divided by `gradientDivisor` first.
    func update(
        _ optimizer: AdamW, step: Int, learningRate: Double, gradientDivisor: Double
    ) throws(EngineError) {
        for decays in [true, false] {
            var values = try TensorList(engine)
            var gradients = try TensorList(engine)
            var averages = try TensorList(engine)
            var squareAverages = try TensorList(engine)
            for (index, parameter) in parameters.enumerated() where parameter.decays == decays {
                try values.append(self.values[index])
                try gradients.append(self.gradients[index])
                try averages.append(self.averages[index])
                try squareAverages.append(self.squareAverages[index])
            }
            try adamW(
                parameters: values, gradients: gradients, exponentialAverages: averages,
                exponentialSquareAverages: squareAverages, step: step, learningRate: learningRate,
                beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon,
                weightDecay: decays ? optimizer.weightDecay : 0, gradientDivisor: gradientDivisor)
        }
    }

    private func index(of name: String) -> Int {
        guard let index = indices[name] else { preconditionFailure("no weight `\(name)` here") }
        return index
    }
}

/// A weight with Adam's two moments of it.
struct ParameterState: ~Copyable {
    let value: Tensor
    let average: Tensor
    let squareAverage: Tensor
}

/// The memory that gradients lie in: those of a bucket side by side, so that one collective
/// reduces them.
private struct GradientBuffers: ~Copyable {
    let flat: TensorList
    let views: TensorList

    init(
        _ engine: Engine, _ parameters: [StoredParameter], _ buckets: [GradientBucket],
        _ indices: [String: Int]
    ) throws(EngineError) {
        var flat = try TensorList(engine)
        var places: [String: (buffer: Int, offset: Int)] = [:]
        var groups = buckets.map(\.parameters)
        let reduced = Set(groups.joined())
        groups += parameters.map(\.name).filter { !reduced.contains($0) }.map { [$0] }
        for (buffer, names) in groups.enumerated() {
            var count = 0
            for name in names {
                places[name] = (buffer, count)
                count += indices[name].map { parameters[$0].count } ?? 0
            }
            try flat.append(try engine.zeros([count], .float32))
        }
        var views = try TensorList(engine)
        for parameter in parameters {
            guard let place = places[parameter.name] else {
                preconditionFailure("every weight has a buffer")
            }
            let part = try flat[place.buffer].narrow(
                dimension: 0, start: place.offset, count: parameter.count)
            try views.append(try part.view(parameter.shape))
        }
        self.flat = flat
        self.views = views
    }
}

/// Fills a stored weight piece by piece: norms with one, matrices from a normal distribution.
///
/// Source: `initializer_range` 0.02 of Hugging Face's `MixtralConfig`.
private func initialize(
    _ value: borrowing Tensor, _ parameter: StoredParameter, seed: Int
) throws(EngineError) {
    guard parameter.kind != .norms else { return try value.fill(1) }
    let flat = try value.view([parameter.count])
    for piece in parameter.pieces {
        let part = try flat.narrow(dimension: 0, start: piece.offset, count: piece.count)
        let pieceSeed = mixed(UInt64(bitPattern: Int64(seed)) ^ fingerprint(piece.name))
        try part.fillNormal(mean: 0, standardDeviation: 0.02, seed: pieceSeed)
    }
}
