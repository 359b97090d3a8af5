/// The order in which each stage of a pipeline handles its micro-batches.
package struct PipelineSchedule: Hashable, Sendable {
    package let virtualStages: VirtualStages
    package let microBatches: Int
    /// One list per stage.
    package let entries: [[ScheduleEntry]]

    package init(virtualStages: VirtualStages, microBatches: Int, entries: [[ScheduleEntry]]) {
        self.virtualStages = virtualStages
        self.microBatches = microBatches
        self.entries = entries
    }

    /// The most micro-batches whose forward a stage has run and whose backward it has not, counted
    /// in whole stages: a chunk counts as its share.
    package func microBatchesInFlight(stage: Int) -> Double {
        var (held, most) = (0, 0)
        for entry in entries[stage] {
            switch entry.pass {
            case .forward: held += 1
            case .backward, .inputBackward: held -= 1
            case .weightBackward: break
            }
            most = max(most, held)
        }
        return Double(most) / Double(virtualStages.chunks)
    }
}
