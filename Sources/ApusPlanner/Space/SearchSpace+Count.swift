import ApusPlan

extension SearchSpace {
    /// How many strategies there are, without going through them.
    package func count(_ slicings: [Slicing], splits: (Int) -> [Split]) -> Int {
        var total = 0
        for slicing in slicings {
            let layers = sequenceParallel(slicing).count * Plan.Recompute.allCases.count
            for (pipeline, data) in pipelines(slicing) {
                let degrees = slicing.degrees(pipeline: pipeline, data: data)
                let share = sequences / data
                var schedules = 0
                for size in microBatchSizes(share: share) {
                    for split in splits(pipeline) {
                        schedules += split.schedules.count {
                            Split.allows($0, microBatches: share / size, pipeline: pipeline)
                        }
                    }
                }
                total +=
                    layers * schedules * zeroStages(degrees).count * overlaps.count
                    * placements(pipeline: pipeline).count
            }
        }
        return total
    }
}

/// The numbers that divide `number`, ascending.
func divisors(of number: Int) -> [Int] {
    var small: [Int] = []
    var large: [Int] = []
    var candidate = 1
    while candidate * candidate <= number {
        if number.isMultiple(of: candidate) {
            small.append(candidate)
            if candidate != number / candidate { large.append(number / candidate) }
        }
        candidate += 1
    }
    return small + large.reversed()
}
