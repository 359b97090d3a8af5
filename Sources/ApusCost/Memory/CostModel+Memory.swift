import ApusPlan

extension CostModel {
    /// What one rank of each pipeline stage holds at its fullest moment of a step.
    package func memory(of step: Step) -> [StageMemory] {
        let terms = MemoryTerms(step)
        return (0..<step.degrees.pipeline).map { stage in
            terms.memory(of: StageLoad(stage: stage, of: step))
        }
    }
}

extension StageLoad {
    /// The load of a stage of a step.
    package init(stage: Int, of step: Step) {
        let degrees = step.plan.degrees
        layers = StageLayers(stage: stage, plan: step.plan, model: step.model)
        inFlight = step.plan.microBatchesInFlight(stage: stage, microBatches: step.microBatches)
        zeroStage = step.plan.zeroStage
        dataRanks = degrees.data * degrees.context
        expertDataRanks = max(1, degrees.expertData)
        tiesEmbeddings = step.model.tiesEmbeddings
        isPipelined = degrees.pipeline > 1
    }
}
