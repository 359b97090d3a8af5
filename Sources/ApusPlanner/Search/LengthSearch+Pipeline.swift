import ApusBase
import ApusCost
import ApusPlan

/// The inner loops: one micro-batch under one pipeline degree.
extension LengthSearch {
    /// Every strategy that prices `batch` and has the pipeline's degrees.
    mutating func search(_ batch: MicroBatchPrices, in pipeline: inout PipelineState) {
        let microBatches = pipeline.share / batch.strategy.microBatchSize
        let perMicroBatch = Double(microBatches) / Double(pipeline.degrees.pipeline)
        var leastTime = Double.infinity
        for domain in pipeline.domains {
            for variant in 0..<3 {
                leastTime = min(
                    leastTime,
                    perMicroBatch * batch.whole(domain: domain, variant: variant).count)
            }
        }
        let leastFirstToken = leastFirstToken(batch, pipeline)
        let leastWork = leastMemory(batch, pipeline)
        func floor(_ zeroStage: Int) -> Int {
            leastWork + pipeline.wholeStates[zeroStage] / pipeline.degrees.pipeline
        }
        if isPruning,
            pipeline.zeroStages.allSatisfy({
                isHopeless(
                    time: leastTime, memory: floor($0), firstToken: leastFirstToken,
                    in: pipeline)
            })
        {
            return
        }
        for split in pipeline.splits.indices {
            search(
                batch, split: split, microBatches: microBatches, leastTime: leastTime,
                leastFirstToken: leastFirstToken, in: &pipeline)
        }
    }

    /// The least that a rank holds besides states: of one micro-batch, on the mean over stages.
    private func leastMemory(_ batch: MicroBatchPrices, _ pipeline: PipelineState) -> Int {
        let load = problem.load(
            problem.wholeModel, degrees: pipeline.degrees, inFlight: 1, zeroStage: 0)
        let memory = batch.terms.memory(of: load)
        return memory.activations.count / pipeline.degrees.pipeline + memory.context.count
    }

    private func leastFirstToken(_ batch: MicroBatchPrices, _ pipeline: PipelineState) -> Double {
        pipeline.domains.map {
            batch.request(domain: $0).timeToFirstToken(
                model: problem.model, messages: 0, message: .zero
            ).count
        }.min() ?? 0
    }

    /// Whether no strategy that is at best like this is among the fastest or on the front.
    func isHopeless(
        time: Double, memory: Int, firstToken: Double, in pipeline: PipelineState
    ) -> Bool {
        let time = Self.rounding * time
        guard time > min(ranking.threshold, pipeline.group.near.threshold) else { return false }
        return front.beats(
            ParetoFront.Box(
                time: time, memory: memory, firstToken: Self.rounding * firstToken))
    }

    private mutating func search(
        _ batch: MicroBatchPrices, split index: Int, microBatches: Int, leastTime: Double,
        leastFirstToken: Double, in pipeline: inout PipelineState
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
            let peaks = memory(
                batch, schedule: schedule, split: index, microBatches: microBatches, in: pipeline)
            for zeroStage in pipeline.zeroStages {
                let memory = peaks[zeroStage]
                guard memory <= problem.memoryLimit.count else {
                    counts.evaluated += variants
                    continue
                }
                if isPruning,
                    isHopeless(
                        time: leastTime, memory: memory, firstToken: leastFirstToken, in: pipeline)
                {
                    continue
                }
                live.append(LivePoint(schedule: schedule, zeroStage: zeroStage, memory: memory))
            }
            let leanPoint = peaks.indices.min { peaks[$0] < peaks[$1] } ?? 0
            noteLeanest(
                batch, memory: peaks[leanPoint], chunks: split.chunks, schedule: schedule,
                zeroStage: leanPoint, in: pipeline)
        }
        guard !live.isEmpty else { return }
        for place in pipeline.placements.indices {
            for overlap in problem.space.overlaps {
                evaluate(
                    batch, live, split: index, place: place, overlap: overlap,
                    microBatches: microBatches, in: &pipeline)
            }
        }
    }

    private mutating func noteLeanest(
        _ batch: MicroBatchPrices, memory: Int, chunks: Int, schedule: Plan.Schedule,
        zeroStage: Int, in pipeline: PipelineState
    ) {
        if let leanest, leanest.memory.count <= memory { return }
        var strategy = batch.strategy
        strategy.degrees = pipeline.degrees
        strategy.schedule = schedule
        strategy.chunks = chunks
        strategy.zeroStage = zeroStage
        leanest = Leanest(memory: Bytes(memory), strategy: strategy)
    }

    /// The peak over stages, by ZeRO stage.
    private func memory(
        _ batch: MicroBatchPrices, schedule: Plan.Schedule, split: Int, microBatches: Int,
        in pipeline: PipelineState
    ) -> [Int] {
        var plan = step.plan
        plan.degrees.pipeline = pipeline.degrees.pipeline
        plan.schedule = schedule
        plan.chunksPerRank = pipeline.splits[split].chunks
        var peaks = pipeline.zeroStages.map { _ in 0 }
        for kind in pipeline.splits[split].kinds {
            let inFlight = plan.microBatchesInFlight(
                stage: kind.first, microBatches: microBatches)
            var load = problem.load(
                kind.layers, degrees: pipeline.degrees, inFlight: inFlight, zeroStage: 0)
            for zeroStage in pipeline.zeroStages {
                load.zeroStage = zeroStage
                peaks[zeroStage] = max(peaks[zeroStage], Int(batch.terms.total(of: load)))
            }
        }
        return peaks
    }
}

/// A strategy whose memory fits and whose time may matter, but for placement and overlap.
struct LivePoint {
    var schedule: Plan.Schedule
    var zeroStage: Int
    var memory: Int
}
