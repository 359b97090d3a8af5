import ApusPlan

/// One entry of a pipeline schedule: a stage runs a micro-batch forward or backward.
package enum ScheduleEntry: Hashable, Sendable {
    case forward(Int)
    case backward(Int)
}

extension Plan.Schedule {
    /// The order in which `stage` of `stages` handles its micro-batches, or `nil` where Apus cannot
    /// compile the schedule yet.
    func entries(stage: Int, stages: Int, microBatches: Int) -> [ScheduleEntry]? {
        switch self {
        case .gpipe:
            gpipeSchedule(microBatches: microBatches)
        case .oneForwardOneBackward:
            oneForwardOneBackwardSchedule(stage: stage, stages: stages, microBatches: microBatches)
        case .interleaved, .zeroBubbleH1, .zeroBubbleV, .dualPipeV:
            nil
        }
    }
}
