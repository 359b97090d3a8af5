import ApusEngine
import ApusSystem

/// Times operations forward and backward as training runs them: on detached inputs, with the
/// gradient recorded, and with the gradients of weights added where they are kept.
struct OperationBench {
    let engine: Engine
    let watch: Stopwatch
    /// What an island takes beside its operations, measured by `measureIsland`.
    private(set) var island = (forward: 0.0, backward: 0.0)
    /// What an operation takes that has next to nothing to compute.
    private(set) var operation = 0.0

    init(engine: Engine, watch: Stopwatch) throws(EngineError) {
        self.engine = engine
        self.watch = watch
        try measureIsland()
    }

    /// Tells an island's own part from that of an operation: chains of tiny operations, of which
    /// one is longer.
    private mutating func measureIsland() throws(EngineError) {
        var inputs = try TensorList(engine)
        try inputs.append(try engine.zeros([1, 8]))
        let short = try chain(2, inputs)
        let long = try chain(10, inputs)
        let forward = max(0, (long.forward.seconds - short.forward.seconds) / 8)
        let backward = max(0, (long.backward.seconds - short.backward.seconds) / 8)
        operation = forward
        island = (
            max(0, short.forward.seconds - 2 * forward),
            max(0, short.backward.seconds - 2 * backward)
        )
    }

    private func chain(
        _ count: Int, _ inputs: borrowing TensorList
    ) throws(EngineError) -> (forward: Timing, backward: Timing) {
        try rawTimings(inputs, [true]) { leaves throws(EngineError) in
            var sum = try leaves[0].plus(leaves[0])
            for _ in 1..<count { sum = try sum.plus(leaves[0]) }
            return sum
        }
    }

    /// The times of one operation, without the island around it.
    func timings(
        _ inputs: borrowing TensorList, gradients: [Bool],
        _ body: (borrowing TensorList) throws(EngineError) -> Tensor
    ) throws(EngineError) -> (forward: Timing, backward: Timing) {
        let raw = try rawTimings(inputs, gradients, body)
        return (raw.forward.without(island.forward), raw.backward.without(island.backward))
    }

    /// The times of an island whose inputs want a gradient where `gradients` says so.
    private func rawTimings(
        _ inputs: borrowing TensorList, _ gradients: [Bool],
        _ body: (borrowing TensorList) throws(EngineError) -> Tensor
    ) throws(EngineError) -> (forward: Timing, backward: Timing) {
        let slope = try outputGradient(inputs, gradients, body)
        let found = try watch.timings(parts: 2) { () throws(EngineError) in
            let start = monotonicSeconds()
            var leaves = try TensorList(engine)
            var sources = try TensorList(engine)
            for index in 0..<inputs.count {
                let leaf = try inputs[index].detached(requiresGradient: gradients[index])
                if gradients[index] { try sources.append(leaf) }
                try leaves.append(leaf)
            }
            let result = try engine.recordingGradients(true) { () throws(EngineError) in
                try body(leaves)
            }
            var outputs = try TensorList(engine)
            try outputs.append(result)
            let graph = try Graph(engine, outputs: outputs, inputs: sources)
            let middle = monotonicSeconds()
            _ = try graph.backward(outputGradients: slope)
            return [middle - start, monotonicSeconds() - middle]
        }
        return (found[0], found[1])
    }

    /// A gradient for the operation's result.
    private func outputGradient(
        _ inputs: borrowing TensorList, _ gradients: [Bool],
        _ body: (borrowing TensorList) throws(EngineError) -> Tensor
    ) throws(EngineError) -> TensorList {
        var leaves = try TensorList(engine)
        for index in 0..<inputs.count { try leaves.append(inputs[index]) }
        let result = try engine.recordingGradients(false) { () throws(EngineError) in
            try body(leaves)
        }
        let slope = try engine.empty(result.shape, .float32)
        try slope.fill(1)
        var list = try TensorList(engine)
        try list.append(slope)
        return list
    }
}

extension Engine {
    /// Normally distributed numbers; computing with zeros may be faster than it should be.
    func noise(_ shape: [Int], seed: UInt64 = 1) throws(EngineError) -> Tensor {
        let tensor = try empty(shape, .float32)
        try tensor.fillNormal(mean: 0, standardDeviation: 0.1, seed: seed)
        return tensor
    }

    /// As many weights of one shape as leave the cache before they are used again.
    ///
    /// In training each layer has its own, so none of them is near when its turn comes. Operations
    /// of a loop over them take them one after the other.
    func weights(_ shape: [Int], hasGradient: Bool) throws(EngineError) -> TensorList {
        let size = 4 * shape.reduce(1, *) * (hasGradient ? 2 : 1)
        var list = try TensorList(self)
        for _ in 0..<max(1, min(64, (Self.coldBytes + size - 1) / size)) {
            try list.append(try weight(shape, hasGradient: hasGradient))
        }
        return list
    }

    /// More than a core has of the last cache.
    private static let coldBytes = 32 << 20

    /// A weight with a place for its gradient, or without one.
    func weight(_ shape: [Int], hasGradient: Bool) throws(EngineError) -> Tensor {
        let value = try noise(shape, seed: 2)
        guard hasGradient else { return value }
        let leaf = try value.detached(requiresGradient: true)
        try leaf.setGradient(try zeros(shape))
        return leaf
    }
}
