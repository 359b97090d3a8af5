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

    /// What a stage holds at most, in micro-batches of a whole stage: a chunk counts as its share.
    package struct Held: Hashable, Sendable {
        /// Those whose forward has run and whose backward has not.
        package var inFlight = 0.0
        /// Those whose backward has left the weights' part for later, while most are in flight.
        package var postponedBeside = 0.0
        /// The same at any time.
        package var postponed = 0.0
    }

    /// Counts what a stage holds along its entries.
    ///
    /// Between its halves a backward always leaves one for a moment, which is not counted.
    package func held(by stage: Int) -> Held {
        var (inFlight, postponed) = (0, 0)
        var (inFlightMost, postponedBeside, postponedMost) = (0, 0, 0)
        for (index, entry) in entries[stage].enumerated() {
            switch entry.pass {
            case .forward: inFlight += 1
            case .backward: inFlight -= 1
            case .inputBackward: (inFlight, postponed) = (inFlight - 1, postponed + 1)
            case .weightBackward: postponed -= 1
            }
            if inFlight > inFlightMost { (inFlightMost, postponedBeside) = (inFlight, 0) }
            let next = index + 1
            if next < entries[stage].count, entries[stage][next].pass == .weightBackward {
                continue
            }
            postponedMost = max(postponedMost, postponed)
            if inFlight == inFlightMost { postponedBeside = max(postponedBeside, postponed) }
        }
        let share = 1 / Double(virtualStages.chunks)
        return Held(
            inFlight: share * Double(inFlightMost),
            postponedBeside: share * Double(postponedBeside),
            postponed: share * Double(postponedMost))
    }
}
