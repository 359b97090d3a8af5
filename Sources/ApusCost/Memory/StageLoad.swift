package import ApusPlan

/// What a stage's memory depends on beside `MemoryTerms`.
package struct StageLoad: Hashable, Sendable {
    package var layers: StageLayers
    /// See `Plan.microBatchesInFlight`.
    package var inFlight: Double
    package var isPipelined: Bool
    /// Chunks that receive their input from another stage.
    package var receivingChunks: Int
    package var zeroStage: Int
    /// Ranks that hold the same dense weights, and ranks that hold the same experts.
    package var dataRanks: Int
    package var expertDataRanks: Int
    package var tiesEmbeddings: Bool

    /// The load of a stage.
    package init(stage: Int, plan: Plan, model: Model, microBatches: Int) {
        self.init(
            stage: stage, layers: StageLayers(stage: stage, plan: plan, model: model), plan: plan,
            tiesEmbeddings: model.tiesEmbeddings, microBatches: microBatches)
    }

    /// The load of a stage whose layers are known, as they are the same for all plans of a search
    /// with the same stages and chunks.
    package init(
        stage: Int, layers: StageLayers, plan: Plan, tiesEmbeddings: Bool, microBatches: Int
    ) {
        let degrees = plan.degrees
        self.layers = layers
        inFlight = plan.microBatchesInFlight(stage: stage, microBatches: microBatches)
        isPipelined = degrees.pipeline > 1
        receivingChunks = isPipelined ? plan.chunks - (stage == 0 ? 1 : 0) : 0
        zeroStage = plan.zeroStage
        dataRanks = max(1, degrees.data * degrees.context)
        expertDataRanks = max(1, degrees.expertData)
        self.tiesEmbeddings = tiesEmbeddings
    }
}
