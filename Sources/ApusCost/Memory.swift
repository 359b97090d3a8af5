import ApusPlan

extension CostModel {
    /// What one rank of each pipeline stage holds at its fullest moment of a step.
    package func memory(of step: Step) -> [StageMemory] {
        Array(repeating: StageMemory(), count: step.degrees.pipeline)
    }
}
