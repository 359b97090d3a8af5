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

    /// The share of what the transformer layers of stage 0 hold without recomputation that the
    /// step's recomputation saves, the layer that is being computed again counted.
    package func activationSaving(of step: Step) -> Double {
        let terms = MemoryTerms(step)
        let load = StageLoad(
            stage: 0, plan: step.plan, model: step.model, microBatches: step.microBatches)
        let dense = Double(load.layers.dense)
        let sparse = Double(load.layers.sparse)
        let whole = load.inFlight * (dense * terms.dense.whole + sparse * terms.sparse.whole)
        let kept = load.inFlight * (dense * terms.dense.kept + sparse * terms.sparse.kept)
        let again = max(
            dense > 0 ? terms.dense.whole - terms.dense.kept : 0,
            sparse > 0 ? terms.sparse.whole - terms.sparse.kept : 0)
        return whole > 0 ? 1 - (kept + again) / whole : 0
    }
}
