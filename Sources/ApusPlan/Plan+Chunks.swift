extension Plan.Schedule {
    /// Whether a rank holds one chunk from each end of the model.
    package var isV: Bool {
        switch self {
        case .gpipe, .oneForwardOneBackward, .interleaved, .zeroBubbleH1: false
        case .zeroBubbleV, .dualPipeV: true
        case .written(let written): written.schedule.virtualStages.isV
        }
    }
}

extension Plan {
    /// Chunks of layers that each rank holds.
    package var chunks: Int {
        switch schedule {
        case .gpipe, .oneForwardOneBackward, .zeroBubbleH1: 1
        case .interleaved: max(1, chunksPerRank)
        case .zeroBubbleV, .dualPipeV: 2
        case .written(let written): written.schedule.virtualStages.chunks
        }
    }
}

extension Plan {
    /// The same plan with so many layers on each virtual stage, from the embedding to the head.
    package func splitting(layers counts: [Int]) -> Plan {
        var plan = self
        plan.chunksPerRank = chunks
        plan.layersPerStage = counts
        return plan
    }
}
