import ApusPlan

/// Two chunks per stage, down the stages and back up, with backward in two halves.
///
/// Where the three passes take the same time and there are twice as many micro-batches as stages,
/// no stage idles between its first pass and its last, and none holds more activations than the
/// first stage of 1F1B.
///
/// Source: Qi et al. 2024, "Pipeline Parallelism with Controllable Memory", §3.2, V-ZB.
func zeroBubbleVSchedule(stage: Int, stages: Int, microBatches: Int) -> [ScheduleEntry] {
    let count = max(microBatches, 2 * stages - 1)
    let distance = stages - stage
    var builder = ScheduleBuilder()
    for _ in 0..<(2 * distance - 1) { builder.forward(0) }
    for _ in 0..<stage {
        builder.forward(1)
        builder.forward(0)
    }
    func turn(_ builder: inout ScheduleBuilder) {
        builder.forward(1)
        builder.inputBackward(1)
        builder.weightBackward(1)
    }
    for _ in 0..<distance { turn(&builder) }
    while builder.forwardCount(1) < count {
        if builder.forwardCount(0) < count { builder.forward(0) }
        builder.inputBackward(0)
        builder.weightBackward(0)
        turn(&builder)
    }
    for _ in 0..<stage {
        builder.inputBackward(0)
        builder.inputBackward(1)
    }
    for _ in 0..<distance {
        builder.inputBackward(0)
        builder.weightBackward(0)
    }
    builder.finish()
    return builder.entries(ofFirst: microBatches)
}
