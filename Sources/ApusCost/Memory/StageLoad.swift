package import ApusPlan

/// What a stage's memory depends on beside `MemoryTerms`.
package struct StageLoad: Hashable, Sendable {
    package var layers: StageLayers
    /// See `Plan.microBatchesInFlight`.
    package var inFlight: Double
    package var postponed = PostponedMicroBatches()
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
            layers: StageLayers(stage: stage, plan: plan, model: model),
            inFlight: plan.microBatchesInFlight(stage: stage, microBatches: microBatches),
            zeroStage: plan.zeroStage, degrees: plan.degrees, tiesEmbeddings: model.tiesEmbeddings)
        postponed = plan.schedule.microBatchesPostponed(
            stage: stage, pipeline: plan.degrees.pipeline, microBatches: microBatches)
        receivingChunks = isPipelined ? plan.chunks - (stage == 0 ? 1 : 0) : 0
    }

    /// The load of a stage that receives the input of none of its chunks.
    package init(
        layers: StageLayers, inFlight: Double, zeroStage: Int, degrees: Degrees,
        tiesEmbeddings: Bool
    ) {
        self.layers = layers
        self.inFlight = inFlight
        self.zeroStage = zeroStage
        self.tiesEmbeddings = tiesEmbeddings
        isPipelined = degrees.pipeline > 1
        receivingChunks = 0
        dataRanks = max(1, degrees.data * degrees.context)
        expertDataRanks = max(1, degrees.expertData)
    }
}
