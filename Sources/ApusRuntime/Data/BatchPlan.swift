package import ApusBase
package import ApusPlan
package import ApusProgram

/// Which sequences of the data a rank computes for, in each step and micro-batch.
///
/// The global batch of a step is the same in every layout: sequence `index` of step `step` lies at
/// position `step × sequencesPerStep + index`, and data rank `d` takes the `d`-th equal share.
package struct BatchPlan: Hashable, Sendable {
    package let sequencesPerMicroBatch: Int
    package let sequencesPerDataRank: Int
    package let sequencesPerStep: Int
    package let dataIndex: Int

    package init(shape: StepShape, mesh: Mesh, dataIndex: Int) {
        sequencesPerMicroBatch = shape.sequencesPerMicroBatch
        sequencesPerDataRank = shape.sequencesPerDataRank
        sequencesPerStep = sequencesPerDataRank * mesh.degrees.data
        self.dataIndex = dataIndex
    }

    /// What a rank computes for in the steps of a program.
    package init(_ program: Program, rank: Rank) {
        let mesh = program.mesh
        self.init(
            shape: program.shape, mesh: mesh,
            dataIndex: mesh.dataIndex(local: mesh.position(of: rank).local))
    }

    /// The positions of a micro-batch's sequences.
    package func positions(step: Int, microBatch: Int) -> Range<Int> {
        let first =
            step * sequencesPerStep + dataIndex * sequencesPerDataRank
            + microBatch * sequencesPerMicroBatch
        return first..<(first + sequencesPerMicroBatch)
    }

    /// The tokens of a micro-batch, where `window` gives those at a position: one more than a
    /// sequence feeds in.
    package func batch(
        step: Int, microBatch: Int, window: (_ position: Int) -> [Int64]
    ) -> TokenBatch {
        var result = TokenBatch(inputs: [], targets: [])
        for position in positions(step: step, microBatch: microBatch) {
            let tokens = window(position)
            result.inputs += tokens.dropLast()
            result.targets += tokens.dropFirst()
        }
        return result
    }
}
