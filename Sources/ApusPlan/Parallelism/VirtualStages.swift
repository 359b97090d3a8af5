package import ApusBase

/// How the chunks of a pipeline lie on its stages.
///
/// A model is cut into `count` virtual stages, numbered from the embedding to the head; each stage
/// holds `chunks` of them. They lie round robin, or in V-shaped schedules down the stages and back
/// up, so that the first stage holds both ends of the model.
package struct VirtualStages: Hashable, Sendable {
    package let stages: Int
    package let chunks: Int
    package let isV: Bool

    package init(stages: Int, chunks: Int = 1, isV: Bool = false) {
        precondition(stages > 0, "a pipeline has a stage")
        precondition(chunks > 0 && (!isV || chunks == 2), "a V has two arms")
        self.stages = stages
        self.chunks = chunks
        self.isV = isV
    }

    package var count: Int { stages * chunks }

    /// The stage that holds a virtual stage.
    package func stage(of index: Int) -> Int {
        isV && index >= stages ? count - 1 - index : index % stages
    }

    /// The virtual stage that is a stage's `chunk`, counted from the embedding.
    package func index(stage: Int, chunk: Int) -> Int {
        isV && chunk == 1 ? count - 1 - stage : chunk * stages + stage
    }

    /// Which of its stage's chunks a virtual stage is.
    package func chunk(of index: Int) -> Int { index / stages }

    /// The stage with the head and the loss.
    package var headStage: Int { stage(of: count - 1) }

    /// Whether what leaves the virtual stage before `index` stays on its rank.
    package func isLocal(entering index: Int) -> Bool {
        index > 0 && stage(of: index - 1) == stage(of: index)
    }
}

extension Plan {
    package var virtualStages: VirtualStages {
        VirtualStages(stages: degrees.pipeline, chunks: chunks, isV: schedule.isV)
    }

    /// The layers of each virtual stage, in the order of the model.
    ///
    /// They are those that the plan names, or an even split in which the first take one layer more
    /// where the count does not divide. Where the plan names one number per stage, its chunks share
    /// it evenly; where it names more than the schedule has chunks, they lie one after the other on
    /// their stage.
    package func layers(in model: Model) -> [Range<Int>] {
        let shape = virtualStages
        guard let named = layersPerStage else {
            return ranges(evenSplit(model.layerCount, into: shape.count))
        }
        if named.count == shape.count { return ranges(named) }
        // Other numbers of them are a fault that validation names.
        let pieces = max(1, named.count / shape.stages)
        let shares = (0..<shape.stages).map { stage in
            let own = named.dropFirst(stage * pieces).prefix(pieces)
            return evenSplit(own.reduce(0, +), into: shape.chunks)
        }
        return ranges((0..<shape.count).map { shares[shape.stage(of: $0)][shape.chunk(of: $0)] })
    }

    /// The layers of each of a stage's chunks, in the order of the chunks.
    package func layers(of stage: Stage, in model: Model) -> [Range<Int>] {
        let all = layers(in: model)
        let shape = virtualStages
        return (0..<shape.chunks).map { all[shape.index(stage: stage.index, chunk: $0)] }
    }

    private func ranges(_ counts: [Int]) -> [Range<Int>] {
        var first = 0
        return counts.map { count in
            defer { first += count }
            return first..<(first + count)
        }
    }
}
