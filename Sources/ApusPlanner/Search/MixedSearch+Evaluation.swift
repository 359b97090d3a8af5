import ApusBase
import ApusCost
import ApusPlan

/// The inner loops: common strategies with settled degrees.
extension MixedSearch {
    mutating func search(
        _ pipeline: inout MixedPipeline, floor: Floor, near: inout NearTies
    ) {
        for split in pipeline.state.splits.indices {
            for place in pipeline.state.placements.indices {
                for overlap in problem.space.overlaps {
                    var common = pipeline.base
                    common.chunks = pipeline.state.splits[split].chunks
                    common.placement = pipeline.state.placements[place]
                    common.overlap = overlap
                    var point = MixedPoint(split: split, place: place, common, pipeline)
                    var floor = floor
                    floor.time = zip(lengths, point.least).map { $0.weight * $1 }.reduce(0, +)
                    let zeroStages = pipeline.state.zeroStages
                    if isPruning, isHopeless(floor, near: near, zeroStages: zeroStages) {
                        continue
                    }
                    search(common, &point, floor: floor, &pipeline, near: &near)
                }
            }
        }
    }

    private mutating func search(
        _ common: Strategy, _ point: inout MixedPoint, floor: Floor,
        _ pipeline: inout MixedPipeline, near: inout NearTies
    ) {
        for schedule in pipeline.state.splits[point.split].schedules
        where !(isPruning && schedule == .gpipe) {
            for zeroStage in pipeline.state.zeroStages {
                var common = common
                common.schedule = schedule
                common.zeroStage = zeroStage
                evaluate(common, &point, floor: floor, &pipeline, near: &near)
            }
        }
    }

    /// Takes the fastest way for each length that fits, longest first.
    private mutating func evaluate(
        _ common: Strategy, _ point: inout MixedPoint, floor: Floor,
        _ pipeline: inout MixedPipeline, near: inout NearTies
    ) {
        var common = common
        var floor = floor
        let zeroStage = common.zeroStage
        var choices: [BucketChoice] = []
        for (length, share) in lengths.enumerated().reversed() {
            let best = fastest(common, length: length, &point, &pipeline)
            guard let best else { return }
            let chosen = pipeline.options[length][best.option].batch.strategy
            choices.append(
                BucketChoice(
                    length: share.length, tensor: chosen.degrees.tensor,
                    microBatchSize: chosen.microBatchSize, recompute: chosen.recompute))
            floor.time += share.weight * (best.time - point.least[length])
            floor.memory[zeroStage] = max(floor.memory[zeroStage], best.memory)
            if choices.count == 1 {
                floor.firstToken = best.firstToken
                common.microBatchSize = chosen.microBatchSize
            }
            common.recompute = max(common.recompute, chosen.recompute)
            if isPruning, isHopeless(floor, near: near, zeroStages: zeroStage...zeroStage) {
                return
            }
        }
        record(common, choices.reversed(), point.times, pipeline, near: &near)
    }

    private mutating func record(
        _ common: Strategy, _ choices: [BucketChoice], _ bests: [OptionBest?],
        _ pipeline: MixedPipeline, near: inout NearTies
    ) {
        var (time, memory, firstToken) = (0.0, 0.0, 0.0)
        for (share, best) in zip(lengths, bests) {
            guard let best else { return }
            time += share.weight * best.time
            memory = max(memory, best.memory)
            firstToken = best.firstToken
        }
        let candidate = Candidate(
            strategy: common, choices: choices, stepTime: Seconds(time),
            memory: Bytes(Int(memory)), timeToFirstToken: Seconds(firstToken))
        near.insert(candidate)
        front.insert(
            candidate,
            in: ParetoFront.Box(
                time: time, memory: Double(candidate.memory.count), firstToken: firstToken))
    }

    /// The fastest way to run a length that fits; of equally fast ones the first.
    private mutating func fastest(
        _ common: Strategy, length: Int, _ point: inout MixedPoint,
        _ pipeline: inout MixedPipeline
    ) -> OptionBest? {
        var best: OptionBest?
        for index in pipeline.options[length].indices {
            let microBatches = pipeline.options[length][index].microBatches
            let limit = isPruning ? best?.time ?? .infinity : .infinity
            if LengthSearch.rounding * pipeline.options[length][index].least >= limit { break }
            guard
                Split.allows(
                    common.schedule, microBatches: microBatches,
                    pipeline: common.degrees.pipeline),
                let run = run(common, length: length, option: index, &point, pipeline)
            else { continue }
            if LengthSearch.rounding * run.least >= limit { continue }
            counts.evaluated += 1
            let memory = pipeline.state.memory(
                pipeline.options[length][index].batch.terms, common.schedule,
                zeroStage: common.zeroStage, split: point.split, microBatches: microBatches,
                tiesEmbeddings: problem.model.tiesEmbeddings)
            guard memory <= memoryLimit else { continue }
            counts.feasible += 1
            let degrees = pipeline.options[length][index].batch.strategy.degrees
            let formula = StepFormula(
                schedule: common.schedule, chunks: common.chunks, zeroStage: common.zeroStage,
                microBatches: microBatches, pipeline: degrees.pipeline, message: run.message,
                implementation: pipeline.options[length][index].overlaps
                    .implementations[point.variant])
            let states = stateCosts(common, tensor: degrees.tensor, at: point, &pipeline)
            let time = formula.time(
                pipeline.state.splits[point.split].kinds, stages: run.stages, states: states)
            guard time.total.count < best?.time ?? .infinity else { continue }
            best = OptionBest(
                option: index, time: time.total.count, memory: memory,
                firstToken: run.firstToken)
        }
        point.times[length] = best
        return best
    }

    /// The stages of an option, priced once for all schedules and ZeRO stages.
    private func run(
        _ common: Strategy, length: Int, option index: Int, _ point: inout MixedPoint,
        _ pipeline: MixedPipeline
    ) -> OptionRun? {
        if let run = point.runs[length][index] { return run }
        let domain = pipeline.state.domains[point.place]
        let option = pipeline.options[length][index]
        guard let placed = option.batch.placed[domain] else { return nil }
        let degrees = option.batch.strategy.degrees
        func message(_ sequences: Int) -> Seconds {
            problem.costModel.boundaryMessage(
                tokens: sequences * lengths[length].length / degrees.context, degrees: degrees,
                placement: common.placement, model: problem.model,
                precision: problem.workload.precision)
        }
        let boundary = message(option.batch.strategy.microBatchSize)
        let pricer = option.overlaps.pricer(
            point.variant, chunks: common.chunks, message: boundary)
        let stages = pipeline.state.splits[point.split].kinds.map {
            pricer.run(of: $0.layers, placed.loads)
        }
        let firstToken = option.requests[domain].timeToFirstToken(
            model: problem.model, messages: degrees.pipeline * common.chunks - 1,
            message: message(1))
        var slowest = 0.0
        for stage in stages { slowest = max(slowest, stage.total.count) }
        let run = OptionRun(
            stages: stages, message: boundary, firstToken: firstToken.count,
            least: Double(option.microBatches) * slowest)
        point.runs[length][index] = run
        return run
    }

    /// What the weights cost under a bucket's tensor degree.
    private func stateCosts(
        _ common: Strategy, tensor: Int, at point: MixedPoint, _ pipeline: inout MixedPipeline
    ) -> [StateCost] {
        let key = MixedPipeline.StateKey(tensor: tensor, split: point.split, place: point.place)
        if let costs = pipeline.stateCosts[key] { return costs }
        let choice = BucketChoice(
            length: lengths[0].length, tensor: tensor, microBatchSize: 1, recompute: .none)
        let candidate = Candidate(
            strategy: common, choices: [choice], stepTime: .zero, memory: .zero,
            timeToFirstToken: .zero)
        let plan = candidate.plan(sequences: problem.workload.sequencesPerBatch)
        let pricer = StatePricer(
            step: problem.step(plan, length: lengths[0].length), model: problem.costModel)
        let costs = pipeline.state.splits[point.split].kinds.map { pricer.cost(of: $0.layers) }
        pipeline.stateCosts[key] = costs
        return costs
    }
}
