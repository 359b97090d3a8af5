package import ApusCost
package import ApusPlan

/// One way in which a pipeline holds the model, and the schedules that hold it so.
package struct Split: Hashable, Sendable {
    /// Chunks of layers on each rank.
    package var chunks: Int
    package var schedules: [Plan.Schedule]
    package var kinds: [StageKind]

    init(chunks: Int, schedules: [Plan.Schedule], pipeline: Int, model: Model) {
        self.chunks = chunks
        self.schedules = schedules
        let plan = Plan(
            degrees: Degrees(pipeline: pipeline), schedule: schedules[0], chunksPerRank: chunks,
            buckets: [])
        kinds = plan.stageKinds(of: model)
    }

    /// The ways to hold `model` on `pipeline` stages.
    ///
    /// Interleaving takes, for each number of layers that its largest chunk may have, the fewest
    /// chunks that reach it: more chunks would have more messages and no smaller bubble per chunk.
    package static func all(pipeline: Int, model: Model) -> [Split] {
        guard pipeline > 1 else {
            return [
                Split(
                    chunks: 1, schedules: [.oneForwardOneBackward], pipeline: 1, model: model)
            ]
        }
        var splits = [
            Split(
                chunks: 1, schedules: [.oneForwardOneBackward, .gpipe, .zeroBubbleH1],
                pipeline: pipeline, model: model)
        ]
        var largest = layersMax(model, pieces: pipeline)
        for chunks in 2..<max(3, model.layerCount / pipeline + 1)
        where chunks * pipeline <= model.layerCount {
            let layers = layersMax(model, pieces: pipeline * chunks)
            guard layers < largest else { continue }
            largest = layers
            splits.append(
                Split(
                    chunks: chunks, schedules: [.interleaved], pipeline: pipeline, model: model))
        }
        guard 2 * pipeline <= model.layerCount else { return splits }
        splits.append(
            Split(
                chunks: 2, schedules: [.zeroBubbleV, .dualPipeV], pipeline: pipeline, model: model))
        return splits
    }

    private static func layersMax(_ model: Model, pieces: Int) -> Int {
        (model.layerCount + pieces - 1) / pieces
    }

    /// Whether the schedule can run so many micro-batches as its formula says.
    ///
    /// Interleaving goes round in groups of as many micro-batches as there are stages
    /// (Narayanan et al. 2021, §2.2); zero-bubble schedules have to fill the pipeline, DualPipe-V
    /// in both directions at once.
    package static func allows(
        _ schedule: Plan.Schedule, microBatches: Int, pipeline: Int
    ) -> Bool {
        switch schedule {
        case .gpipe, .oneForwardOneBackward: true
        case .interleaved: microBatches.isMultiple(of: pipeline)
        case .zeroBubbleH1, .zeroBubbleV: microBatches >= pipeline
        case .dualPipeV: microBatches >= 2 * pipeline
        case .written(let written): microBatches == written.schedule.microBatches
        }
    }
}
