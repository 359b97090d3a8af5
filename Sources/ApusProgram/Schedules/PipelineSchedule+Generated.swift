package import ApusPlan

extension PipelineSchedule {
    /// The schedule that a plan names or writes out; a written one has a size of its own.
    package init(_ schedule: Plan.Schedule, on shape: VirtualStages, microBatches: Int) {
        if let own = schedule.written?.schedule {
            precondition(own.virtualStages == shape, "a written schedule has its own stages")
            precondition(own.microBatches == microBatches, "and its own micro-batches")
        }
        let entries = (0..<shape.stages).map { stage -> [ScheduleEntry] in
            switch schedule {
            case .gpipe:
                gpipeSchedule(microBatches: microBatches)
            case .oneForwardOneBackward:
                oneForwardOneBackwardSchedule(
                    stage: stage, stages: shape.stages, microBatches: microBatches)
            case .interleaved:
                interleavedSchedule(
                    stage: stage, stages: shape.stages, chunks: shape.chunks,
                    microBatches: microBatches)
            case .zeroBubbleH1:
                zeroBubbleH1Schedule(
                    stage: stage, stages: shape.stages, microBatches: microBatches)
            case .zeroBubbleV:
                zeroBubbleVSchedule(
                    stage: stage, stages: shape.stages, microBatches: microBatches)
            case .dualPipeV:
                dualPipeVSchedule(stage: stage, stages: shape.stages, microBatches: microBatches)
            case .written(let written):
                written.schedule.entries[stage]
            }
        }
        self.init(virtualStages: shape, microBatches: microBatches, entries: entries)
    }
}
