import ApusPlan

/// Two chunks per stage, down the stages and back up; in the steady state a forward of one arm
/// stands beside a backward of the other, so that the exchanges of one can run under the
/// computation of the other.
///
/// Source: DeepSeek-AI 2025, "DualPipeV" in the DualPipe repository, eight phases, after Qi's cut
/// of DualPipe (DeepSeek-AI 2024, "DeepSeek-V3 technical report", §3.2.1) in half.
func dualPipeVSchedule(stage: Int, stages: Int, microBatches: Int) -> [ScheduleEntry] {
    let count = max(microBatches, 2 * stages)
    let distance = stages - stage - 1
    var builder = ScheduleBuilder()
    for _ in 0..<(2 * distance) { builder.forward(0) }
    for _ in 0...stage {
        builder.forward(0)
        builder.forward(1)
    }
    for _ in 0..<distance {
        builder.inputBackward(1)
        builder.weightBackward()
        builder.forward(1)
    }
    for _ in 0..<(count - 2 * stages + stage + 1) {
        builder.forward(0)
        builder.backward(1)
        builder.forward(1)
        builder.backward(0)
    }
    for _ in 0..<distance {
        builder.backward(1)
        builder.forward(1)
        builder.backward(0)
    }
    drain(&builder, stage: stage)
    for _ in 0..<distance {
        builder.weightBackward()
        builder.inputBackward(0)
    }
    builder.finish()
    return builder.entries(ofFirst: microBatches)
}

/// Backward of both arms in turn; in the second half only the part that others wait for.
private func drain(_ builder: inout ScheduleBuilder, stage: Int) {
    let half = (stage + 1) / 2
    for index in 0...stage {
        for chunk in [1, 0] {
            // Of the pair in the middle an even stage still runs the first one whole.
            let isSplit = index > half || (index == half && (stage % 2 == 1 || chunk == 0))
            if isSplit { builder.inputBackward(chunk) } else { builder.backward(chunk) }
        }
    }
}
