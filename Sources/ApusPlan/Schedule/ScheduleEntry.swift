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
