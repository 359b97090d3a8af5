import ApusBase
import ApusCost
import ApusPlan

/// The inner loops: one micro-batch under one pipeline degree.
extension LengthSearch {
    /// Every strategy of a pipeline with one micro-batch.
    mutating func search(
        _ slice: SliceState, recompute: Int, size: Int, floor: Floor,
        in pipeline: inout PipelineState
    ) {
        guard let batch = slice.batches[recompute][size] else { return }
        let microBatches = pipeline.share / batch.strategy.microBatchSize
        var floor = floor
        for domain in pipeline.domains {
            floor.time = min(floor.time, batch.placed[domain]?.wholeMin ?? 0)
        }
        floor.time *= Double(microBatches) / Double(pipeline.degrees.pipeline)
        if isPruning, isHopeless(floor, in: pipeline) { return }
        for split in pipeline.splits.indices {
            search(
                batch, slice, split: split, microBatches: microBatches, floor: floor,
                in: &pipeline)
        }
    }

    /// What limits the strategies of a pipeline, but for their time.
    func floor(
        _ slice: SliceState, memory: SIMD4<Double>, in pipeline: PipelineState
    ) -> Floor {
        var floor = Floor(time: .infinity, memory: memory, firstToken: .infinity)
        for domain in pipeline.domains {
            let request = slice.requests[domain].timeToFirstToken(
                model: problem.model, messages: 0, message: .zero)
            floor.firstToken = min(floor.firstToken, request.count)
        }
        return floor
    }

    func memoryFloor(
        _ terms: MemoryTerms, size: Int, _ pipeline: PipelineState
    ) -> SIMD4<Double> {
        pipeline.memoryFloor(
            terms, microBatches: pipeline.share / size,
            tiesEmbeddings: problem.model.tiesEmbeddings)
    }

    /// Whether no strategy within a floor matters, whatever its ZeRO stage.
    func isHopeless(_ floor: Floor, in pipeline: PipelineState) -> Bool {
        pipeline.zeroStages.allSatisfy { zeroStage in
            isHopeless(
                time: floor.time, memory: floor.memory[zeroStage], firstToken: floor.firstToken,
                in: pipeline)
        }
    }

    /// Whether a rank that holds at least so much may fit, or hold less than any one so far where
    /// none fits.
    func canFit(_ memory: SIMD4<Double>) -> Bool {
        guard isPruning else { return true }
        let least = memory.min()
        if least <= memoryLimit { return true }
        return counts.feasible == 0 && least < leanest?.memory ?? .infinity
    }

    /// Whether no strategy that is at best like this is among the fastest or on the front.
    func isHopeless(
        time: Double, memory: Double, firstToken: Double, in pipeline: PipelineState
    ) -> Bool {
        let time = Self.rounding * time
        guard time > min(ranking.threshold, pipeline.near.threshold) else { return false }
        return front.beats(
            ParetoFront.Box(
                time: time, memory: memory, firstToken: Self.rounding * firstToken))
    }

    private mutating func search(
        _ batch: MicroBatchPrices, _ slice: SliceState, split index: Int, microBatches: Int,
        floor: Floor, in pipeline: inout PipelineState
    ) {
        let split = pipeline.splits[index]
        let variants = pipeline.placements.count * problem.space.overlaps.count
        var live: [LivePoint] = []
        for schedule in split.schedules {
            // GPipe takes the time of 1F1B and never less memory.
            if isPruning && schedule == .gpipe { continue }
            guard
                Split.allows(
                    schedule, microBatches: microBatches, pipeline: pipeline.degrees.pipeline)
            else { continue }
            for zeroStage in pipeline.zeroStages {
                var strategy = batch.strategy
                strategy.degrees = pipeline.degrees
                strategy.schedule = schedule
                strategy.chunks = split.chunks
                strategy.zeroStage = zeroStage
                if isPruning,
                    isHopeless(
                        time: floor.time, memory: floor.memory[zeroStage],
                        firstToken: floor.firstToken, in: pipeline)
                {
                    continue
                }
                let memory = pipeline.memory(
                    batch.terms, schedule, zeroStage: zeroStage, split: index,
                    microBatches: microBatches, tiesEmbeddings: problem.model.tiesEmbeddings)
                if memory < leanest?.memory ?? .infinity {
                    leanest = Leanest(memory: memory, strategy: strategy)
                }
                guard memory <= memoryLimit else {
                    counts.evaluated += variants
                    continue
                }
                live.append(LivePoint(schedule: schedule, zeroStage: zeroStage, memory: memory))
            }
        }
        guard !live.isEmpty else { return }
        for place in pipeline.placements.indices {
            for overlap in problem.space.overlaps {
                evaluate(
                    batch, slice, live, split: index, place: place, overlap: overlap,
                    microBatches: microBatches, in: &pipeline)
            }
        }
    }
}

/// A strategy whose memory fits and whose time may matter, but for placement and overlap.
struct LivePoint {
    var schedule: Plan.Schedule
    var zeroStage: Int
    /// Bytes.
    var memory: Double
}
