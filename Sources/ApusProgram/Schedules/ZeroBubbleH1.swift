import ApusPlan

/// 1F1B with backward in two halves; those for the weights fill what would be idle at the end.
///
/// Stage `s` runs `s` micro-batches behind with them, so that no stage holds more activations than
/// the first stage of 1F1B does.
///
/// Source: Qi et al. 2024, "Zero Bubble Pipeline Parallelism", §2.2 and figure 3, ZB-H1.
func zeroBubbleH1Schedule(stage: Int, stages: Int, microBatches: Int) -> [ScheduleEntry] {
    let warmup = min(stages - stage - 1, microBatches)
    var entries = (0..<warmup).map { ScheduleEntry(.forward, $0) }
    var weights = 0
    for microBatch in 0..<microBatches {
        if warmup + microBatch < microBatches {
            entries.append(ScheduleEntry(.forward, warmup + microBatch))
        }
        entries.append(ScheduleEntry(.inputBackward, microBatch))
        guard microBatch - weights >= stage else { continue }
        entries.append(ScheduleEntry(.weightBackward, weights))
        weights += 1
    }
    return entries + (weights..<microBatches).map { ScheduleEntry(.weightBackward, $0) }
}
