extension Plan {
    package enum Schedule: Hashable, Sendable {
        case gpipe
        case oneForwardOneBackward
        case interleaved
        case zeroBubbleH1
        case zeroBubbleV
        case dualPipeV
        /// Not generated: the plan names a file that holds it.
        indirect case written(WrittenSchedule)

        /// The schedules that have a name and are generated for any number of micro-batches.
        package static let generated: [Schedule] = [
            .gpipe, .oneForwardOneBackward, .interleaved, .zeroBubbleH1, .zeroBubbleV, .dualPipeV,
        ]

        /// What a plan calls it; a written schedule is called by its file.
        package var name: String {
            switch self {
            case .gpipe: "gpipe"
            case .oneForwardOneBackward: "1f1b"
            case .interleaved: "interleaved_1f1b"
            case .zeroBubbleH1: "zero_bubble_h1"
            case .zeroBubbleV: "zero_bubble_v"
            case .dualPipeV: "dualpipe_v"
            case .written(let written): written.file
            }
        }

        /// The written schedule, if it is one.
        package var written: WrittenSchedule? {
            if case .written(let written) = self { written } else { nil }
        }
    }
}
