/// As few micro-batches in flight as keep the pipeline full: after a warm-up of
/// `stages - stage - 1` forwards, forward and backward alternate.
///
/// Source: Narayanan et al. 2021, §2.2, "PipeDream-Flush".
package func oneForwardOneBackwardSchedule(
    stage: Int, stages: Int, microBatches: Int
) -> [ScheduleEntry] {
    let warmup = min(stages - stage - 1, microBatches)
    var entries: [ScheduleEntry] = (0..<warmup).map { .forward($0) }
    for microBatch in warmup..<max(warmup, microBatches) {
        entries.append(.forward(microBatch))
        entries.append(.backward(microBatch - warmup))
    }
    for microBatch in (microBatches - warmup)..<microBatches {
        entries.append(.backward(microBatch))
    }
    return entries
}
