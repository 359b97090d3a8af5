import ApusPlan

/// A stage's part of a schedule, with what the compiler has to know of the other stages.
struct StageSchedule {
    var entries: [ScheduleEntry]
    /// For each entry the one behind which what it sent is surely being received; at least its own
    /// successor, or the number of entries where that is only behind the last.
    var received: [Int]
    /// For each chunk the last entry that adds to its gradients.
    var lastGradients: Set<Int>
}

extension PipelineSchedule {
    /// What each stage has to know, or `nil` where stages would wait for each other forever.
    ///
    /// The receive for an entry is started before the entry ahead of it, so at a time of the
    /// timeline a send is surely being received when the receiver has reached that entry. To wait
    /// for a send only from that time on keeps the whole step free of circles.
    var stageSchedules: [StageSchedule]? {
        let timeline = ScheduleTimeline(self)
        guard timeline.stuck.isEmpty else { return nil }
        let positions = entries.map { list in
            Dictionary(uniqueKeysWithValues: list.enumerated().map { ($0.element, $0.offset) })
        }
        return entries.indices.map { stage in
            let spans = timeline.spans[stage]
            let received = entries[stage].enumerated().map { index, entry -> Int in
                guard let (other, needing) = receiver(of: entry, on: stage, positions) else {
                    return index + 1
                }
                let posted = needing == 0 ? 0 : timeline.spans[other][needing - 1].start
                return spans[(index + 1)...].firstIndex { $0.start >= posted } ?? spans.count
            }
            return StageSchedule(
                entries: entries[stage], received: received,
                lastGradients: lastGradients(of: entries[stage]))
        }
    }

    /// The stage and the entry that need what an entry sends.
    private func receiver(
        of entry: ScheduleEntry, on stage: Int, _ positions: [[ScheduleEntry: Int]]
    ) -> (stage: Int, entry: Int)? {
        let index = virtualStages.index(stage: stage, chunk: entry.chunk)
        let target: Int
        let passes: [ScheduleEntry.Pass]
        switch entry.pass {
        case .forward: (target, passes) = (index + 1, [.forward])
        case .backward, .inputBackward:
            (target, passes) = (index - 1, [.backward, .inputBackward])
        case .weightBackward: return nil
        }
        guard (0..<virtualStages.count).contains(target) else { return nil }
        let other = virtualStages.stage(of: target)
        let chunk = virtualStages.chunk(of: target)
        let places = passes.compactMap {
            positions[other][ScheduleEntry($0, chunk: chunk, entry.microBatch)]
        }
        return places.first.map { (other, $0) }
    }

    private func lastGradients(of entries: [ScheduleEntry]) -> Set<Int> {
        var last: [Int: Int] = [:]
        for (index, entry) in entries.enumerated() {
            switch entry.pass {
            case .backward, .weightBackward: last[entry.chunk] = index
            case .forward, .inputBackward: break
            }
        }
        return Set(last.values)
    }
}
