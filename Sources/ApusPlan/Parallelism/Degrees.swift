/// The extents of the two meshes that a plan folds over the same ranks.
///
/// Attention lives on `pp × dp × cp × tp`, experts on `pp × edp × ep × etp`.
package struct Degrees: Hashable, Sendable {
    package var pipeline: Int
    package var data: Int
    package var context: Int
    package var tensor: Int
    package var expert: Int
    package var expertTensor: Int

    package init(
        pipeline: Int = 1, data: Int = 1, context: Int = 1, tensor: Int = 1, expert: Int = 1,
        expertTensor: Int = 1
    ) {
        self.pipeline = pipeline
        self.data = data
        self.context = context
        self.tensor = tensor
        self.expert = expert
        self.expertTensor = expertTensor
    }

    /// The ranks of one pipeline stage.
    package var stageSize: Int { data * context * tensor }
    package var worldSize: Int { pipeline * stageSize }
    /// The replicas of one expert shard within a stage.
    package var expertData: Int { stageSize / (expert * expertTensor) }

    /// The degrees of a sequence-length bucket that computes with `tensor` ranks to a slice: what
    /// it has beyond the plan's tensor degree comes out of the data axis.
    package func carving(tensor: Int) -> Degrees {
        var result = self
        result.data = data * self.tensor / tensor
        result.tensor = tensor
        return result
    }
}
