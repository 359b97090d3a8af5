package import ApusPlan

/// One entry of a pipeline schedule: a stage runs a micro-batch through one of its chunks.
package struct ScheduleEntry: Hashable, Sendable {
    package enum Pass: String, Hashable, Sendable, CaseIterable {
        case forward = "F"
        /// The whole backward.
        case backward = "B"
        /// The part of backward that the stage before waits for.
        case inputBackward = "I"
        /// The part that gives the weights' gradients.
        case weightBackward = "W"
    }

    package var pass: Pass
    package var chunk: Int
    package var microBatch: Int

    package init(_ pass: Pass, chunk: Int = 0, _ microBatch: Int) {
        self.pass = pass
        self.chunk = chunk
        self.microBatch = microBatch
    }
}

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

    /// The schedule that a plan names.
    package init(_ schedule: Plan.Schedule, on shape: VirtualStages, microBatches: Int) {
        let entries = (0..<shape.stages).map { stage in
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
            }
        }
        self.init(virtualStages: shape, microBatches: microBatches, entries: entries)
    }
}
