import ApusPlan

/// 1F1B over several chunks per stage: groups of micro-batches go through all chunks in turn.
///
/// A group has as many micro-batches as there are stages, or up to twice as many where they do not
/// divide: a group that is smaller leaves a bubble at each change of chunk.
///
/// Source: Narayanan et al. 2021, §2.2, "Schedule with interleaved stages".
func interleavedSchedule(
    stage: Int, stages: Int, chunks: Int, microBatches: Int
) -> [ScheduleEntry] {
    let groups = evenSplit(microBatches, into: max(1, microBatches / stages))
    var forwards: [ScheduleEntry] = []
    var backwards: [ScheduleEntry] = []
    var first = 0
    for size in groups {
        let group = first..<(first + size)
        for chunk in 0..<chunks {
            forwards += group.map { ScheduleEntry(.forward, chunk: chunk, $0) }
        }
        for chunk in (0..<chunks).reversed() {
            backwards += group.map { ScheduleEntry(.backward, chunk: chunk, $0) }
        }
        first += size
    }
    let distance = stages - stage - 1
    let warmup = chunks == 1 ? distance : 2 * distance + (chunks - 1) * (groups.first ?? 0)
    return alternating(forwards: forwards, backwards: backwards, warmup: warmup)
}
