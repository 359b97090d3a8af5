import ApusPlan

/// As few micro-batches in flight as keep the pipeline full: after a warm-up of
/// `stages - stage - 1` forwards, forward and backward alternate.
///
/// Source: Narayanan et al. 2021, §2.2, "PipeDream-Flush".
func oneForwardOneBackwardSchedule(
    stage: Int, stages: Int, microBatches: Int
) -> [ScheduleEntry] {
    alternating(
        forwards: (0..<microBatches).map { ScheduleEntry(.forward, $0) },
        backwards: (0..<microBatches).map { ScheduleEntry(.backward, $0) },
        warmup: stages - stage - 1)
}

/// `warmup` forwards, then forward and backward in turn, then the backwards that are left.
func alternating(
    forwards: [ScheduleEntry], backwards: [ScheduleEntry], warmup: Int
) -> [ScheduleEntry] {
    let warmup = min(warmup, forwards.count)
    let pairs = zip(forwards[warmup...], backwards).flatMap { [$0, $1] }
    return forwards[..<warmup] + pairs + backwards[(forwards.count - warmup)...]
}
