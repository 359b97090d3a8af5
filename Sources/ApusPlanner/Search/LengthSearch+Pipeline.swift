import ApusBase
import ApusCost
import ApusPlan

/// The inner loops: one micro-batch under one pipeline degree.
extension LengthSearch {
    /// Every strategy that prices `batch` and has the pipeline's degrees.
    mutating func search(
        _ batch: MicroBatchPrices, _ shared: SliceState, memory: SIMD4<Double>,
        in pipeline: inout PipelineState
    ) {
        let microBatches = pipeline.share / batch.strategy.microBatchSize
        var floor = Floor(time: .infinity, memory: memory, firstToken: .infinity)
        for domain in pipeline.domains {
            floor.time = min(floor.time, batch.placed[domain]?.wholeMin ?? 0)
            let request = shared.requests[domain].timeToFirstToken(
                model: problem.model, messages: 0, message: .zero)
            floor.firstToken = min(floor.firstToken, request.count)
        }
        floor.time *= Double(microBatches) / Double(pipeline.degrees.pipeline)
        if isPruning,
            pipeline.zeroStages.allSatisfy({
                isHopeless(
                    time: floor.time, memory: memory[$0], firstToken: floor.firstToken,
                    in: pipeline)
            })
        {
            return
        }
        for split in pipeline.splits.indices {
            search(
                batch, shared, split: split, microBatches: microBatches, floor: floor,
                in: &pipeline)
        }
    }

    /// The least that a rank holds, by ZeRO stage: what the first stage does with the fewest layers
    /// that any schedule gives it.
    ///
    /// Under each schedule the first stage keeps as many micro-batches in flight as there are
    /// stages, or all.
    func memoryFloor(
        _ batch: MicroBatchPrices, _ pipeline: inout PipelineState
    ) -> SIMD4<Double> {
        let microBatches = pipeline.share / batch.strategy.microBatchSize
        var load = problem.load(
            StageLayers(), degrees: pipeline.degrees,
            inFlight: Double(min(microBatches, pipeline.degrees.pipeline)), zeroStage: 0)
        var result = SIMD4<Double>(repeating: .infinity)
        for layers in pipeline.firstStages {
            load.layers = layers
            for zeroStage in pipeline.zeroStages {
                load.zeroStage = zeroStage
                result[zeroStage] = min(result[zeroStage], batch.terms.total(of: load))
            }
        }
        return Self.rounding * result
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
        _ batch: MicroBatchPrices, _ shared: SliceState, split index: Int, microBatches: Int,
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
                let memory = memory(
                    batch, strategy, kinds: split.kinds, microBatches: microBatches)
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
                    batch, shared, live, split: index, place: place, overlap: overlap,
                    microBatches: microBatches, in: &pipeline)
            }
        }
    }

    /// The peak over stages, in bytes.
    private func memory(
        _ batch: MicroBatchPrices, _ strategy: Strategy, kinds: [StageKind], microBatches: Int
    ) -> Double {
        var load = problem.load(
            StageLayers(), degrees: strategy.degrees, inFlight: 0, zeroStage: strategy.zeroStage)
        var peak = 0.0
        for kind in kinds {
            load.layers = kind.layers
            load.inFlight = strategy.schedule.microBatchesInFlight(
                stage: kind.first, pipeline: strategy.degrees.pipeline, chunks: strategy.chunks,
                microBatches: microBatches)
            peak = max(peak, batch.terms.total(of: load))
        }
        return peak
    }
}

/// A strategy whose memory fits and whose time may matter, but for placement and overlap.
struct LivePoint {
    var schedule: Plan.Schedule
    var zeroStage: Int
    /// Bytes.
    var memory: Double
}
