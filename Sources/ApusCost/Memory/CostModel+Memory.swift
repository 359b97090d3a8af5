import ApusPlan

extension CostModel {
    /// What one rank of each pipeline stage holds at its fullest moment of a step.
    package func memory(of step: Step) -> [StageMemory] {
        let terms = MemoryTerms(step)
        let microBatches = step.microBatches
        return (0..<step.degrees.pipeline).map { stage in
            terms.memory(
                of: StageLoad(
                    stage: stage, plan: step.plan, model: step.model, microBatches: microBatches))
        }
    }
}
