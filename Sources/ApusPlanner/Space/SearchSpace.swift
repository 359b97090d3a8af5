package import ApusPlan

/// Every strategy for a model on so many ranks with so many sequences of one length in a batch.
///
/// `docs/planner.md` lists the axes. Degrees are those that divide what they cut: the tensor degree
/// the heads and the inner sizes, the expert degree the experts, the batch replicas the batch.
package struct SearchSpace: Hashable, Sendable {
    package let model: Model
    package let worldSize: Int
    /// Sequences of one batch.
    package let sequences: Int
    /// Tokens of the sequences; a context degree cuts them all.
    package let lengths: [Int]
    /// The only degrees that are wanted; `nil` for all.
    package var only: Degrees?

    package init(model: Model, worldSize: Int, sequences: Int, lengths: [Int]) {
        self.model = model
        self.worldSize = worldSize
        self.sequences = sequences
        self.lengths = lengths
    }

    /// The ways to cut a layer, plain ones first.
    package var slicings: [Slicing] {
        if let only { return [Slicing(only)] }
        let experts = expertDegrees
        var result: [Slicing] = []
        for tensor in divisors(of: worldSize) where allows(tensor: tensor) {
            for context in divisors(of: worldSize / tensor) where allows(context: context) {
                for (expert, expertTensor) in experts {
                    result.append(
                        Slicing(
                            tensor: tensor, context: context, expert: expert,
                            expertTensor: expertTensor))
                }
            }
        }
        return result
    }

    func allows(tensor: Int) -> Bool {
        let heads = model.latentAttention == nil ? model.keyValueHeadCount : model.headCount
        return model.headCount.isMultiple(of: tensor)
            // More ranks than key-value heads keep copies of them.
            && (heads.isMultiple(of: tensor) || tensor.isMultiple(of: heads))
            && (model.denseLayerCount == 0 || model.denseHiddenSize.isMultiple(of: tensor))
            && model.sharedExpertHiddenSize.isMultiple(of: tensor)
    }

    /// A context rank holds a chunk from both ends of a sequence, so that causal work is even.
    func allows(context: Int) -> Bool {
        context == 1 || lengths.allSatisfy { $0.isMultiple(of: 2 * context) }
    }

    private var expertDegrees: [(Int, Int)] {
        guard model.hasExperts else { return [(1, 1)] }
        var result: [(Int, Int)] = []
        for expert in divisors(of: model.expertCount) where worldSize.isMultiple(of: expert) {
            for tensor in divisors(of: worldSize / expert)
            where model.expertHiddenSize.isMultiple(of: tensor) {
                result.append((expert, tensor))
            }
        }
        return result
    }

    /// The pipelines that go with a slicing, each with its batch replicas.
    package func pipelines(_ slicing: Slicing) -> [(pipeline: Int, data: Int)] {
        let ranks = slicing.tensor * slicing.context
        let experts = slicing.expert * slicing.expertTensor
        guard worldSize.isMultiple(of: ranks) else { return [] }
        return divisors(of: worldSize / ranks).compactMap { pipeline in
            let data = worldSize / ranks / pipeline
            let fits =
                pipeline <= model.layerCount && sequences.isMultiple(of: data)
                && (data * ranks).isMultiple(of: experts)
            let isWanted = only.map { $0.pipeline == pipeline && $0.data == data } ?? true
            return fits && isWanted ? (pipeline, data) : nil
        }
    }

    /// The tensor degrees that a bucket may have: a part of the data axis computes with slices of
    /// the weights that it holds whole.
    package func carvings(_ slicing: Slicing, dataMax: Int) -> [Int] {
        divisors(of: dataMax).map { $0 * slicing.tensor }.filter(allows(tensor:))
    }

    package func microBatchSizes(share: Int) -> [Int] { divisors(of: share) }

    /// ZeRO shards what replicas hold alike; without replicas all stages are the same.
    package func zeroStages(_ degrees: Degrees) -> ClosedRange<Int> {
        degrees.data * degrees.context > 1 || degrees.expertData > 1 ? 0...3 : 0...0
    }

    package func sequenceParallel(_ slicing: Slicing) -> [Bool] {
        slicing.tensor > 1 ? [true, false] : [false]
    }

    package var overlaps: [Bool] { worldSize > 1 ? [true, false] : [true] }

    package func placements(pipeline: Int) -> [Plan.Placement] {
        pipeline > 1 && pipeline < worldSize ? Plan.Placement.allCases : [.outermost]
    }
}
