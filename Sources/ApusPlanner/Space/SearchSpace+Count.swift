import ApusPlan

extension SearchSpace {
    /// How many strategies there are, without going through them.
    package func count(_ slicings: [Slicing], splits: [Int: [Split]]) -> Int {
        var total = 0
        // Batch replicas and stages alone decide which schedules run.
        var schedules: [[Int]: Int] = [:]
        for slicing in slicings {
            let layers = sequenceParallel(slicing).count * Plan.Recompute.allCases.count
            for (pipeline, data) in pipelines(slicing) {
                let degrees = slicing.degrees(pipeline: pipeline, data: data)
                let key = [pipeline, data]
                let known = schedules[key]
                let count =
                    known
                    ?? scheduleCount(pipeline, share: sequences / data, splits[pipeline] ?? [])
                schedules[key] = count
                total +=
                    layers * count * zeroStages(degrees).count * overlaps.count
                    * placements(pipeline: pipeline).count
            }
        }
        return total
    }

    /// Micro-batch sizes with the schedules and chunks that can run them.
    func scheduleCount(_ pipeline: Int, share: Int, _ splits: [Split]) -> Int {
        var count = 0
        for size in microBatchSizes(share: share) {
            for split in splits {
                count += split.schedules.count {
                    Split.allows($0, microBatches: share / size, pipeline: pipeline)
                }
            }
        }
        return count
    }
}
