import ApusBase
import ApusCost
import ApusPlan

/// The inner loops: common strategies with settled degrees.
extension MixedSearch {
    mutating func search(_ pipeline: inout MixedPipeline, near: inout NearTies) {
        for split in pipeline.state.splits.indices {
            for place in pipeline.state.placements.indices {
                for overlap in problem.space.overlaps {
                    var runs: [[[StageRun]?]] = pipeline.options.map { $0.map { _ in nil } }
                    for schedule in pipeline.state.splits[split].schedules
                    where !(isPruning && schedule == .gpipe) {
                        for zeroStage in pipeline.state.zeroStages {
                            var common = pipeline.base
                            common.schedule = schedule
                            common.chunks = pipeline.state.splits[split].chunks
                            common.zeroStage = zeroStage
                            common.placement = pipeline.state.placements[place]
                            common.overlap = overlap
                            evaluate(
                                common, at: (split, place), &runs, &pipeline, near: &near)
                        }
                    }
                }
            }
        }
    }

    /// Takes the fastest way for each length that fits.
    private mutating func evaluate(
        _ common: Strategy, at point: (split: Int, place: Int), _ runs: inout [[[StageRun]?]],
        _ pipeline: inout MixedPipeline, near: inout NearTies
    ) {
        var common = common
        var choices: [BucketChoice] = []
        var (total, memory, firstToken) = (0.0, 0.0, 0.0)
        for (length, share) in lengths.enumerated() {
            let best = fastest(common, length: length, at: point, &runs[length], &pipeline)
            guard let best else { return }
            let chosen = pipeline.options[length][best.option].batch.strategy
            choices.append(
                BucketChoice(
                    length: share.length, tensor: chosen.degrees.tensor,
                    microBatchSize: chosen.microBatchSize, recompute: chosen.recompute))
            total += share.weight * best.time
            memory = max(memory, best.memory)
            firstToken = best.firstToken
            common.microBatchSize = chosen.microBatchSize
            common.recompute = max(common.recompute, chosen.recompute)
        }
        let candidate = Candidate(
            strategy: common, choices: choices, stepTime: Seconds(total),
            memory: Bytes(Int(memory)), timeToFirstToken: Seconds(firstToken))
        near.insert(candidate)
        front.insert(
            candidate,
            in: ParetoFront.Box(
                time: total, memory: Double(candidate.memory.count), firstToken: firstToken))
    }

    private struct Best {
        var option: Int
        var time: Double
        var memory: Double
        var firstToken: Double
    }

    /// The fastest way to run a length that fits; of equally fast ones the first.
    private mutating func fastest(
        _ common: Strategy, length: Int, at point: (split: Int, place: Int),
        _ runs: inout [[StageRun]?], _ pipeline: inout MixedPipeline
    ) -> Best? {
        let state = pipeline.state
        let domain = state.domains[point.place]
        let variant = OverlapVariants.index(overlap: common.overlap, chunks: common.chunks)
        var best: Best?
        for (index, option) in pipeline.options[length].enumerated() {
            if isPruning, let best, LengthSearch.rounding * option.least >= best.time { break }
            guard
                Split.allows(
                    common.schedule, microBatches: option.microBatches,
                    pipeline: common.degrees.pipeline),
                let placed = option.batch.placed[domain]
            else { continue }
            let perRank = Double(option.microBatches) / Double(common.degrees.pipeline)
            if isPruning, let best,
                LengthSearch.rounding * perRank * placed.whole[variant] >= best.time
            {
                continue
            }
            counts.evaluated += 1
            let memory = state.memory(
                option.batch.terms, common.schedule, zeroStage: common.zeroStage,
                split: point.split, microBatches: option.microBatches,
                tiesEmbeddings: problem.model.tiesEmbeddings)
            guard memory <= memoryLimit else { continue }
            counts.feasible += 1
            let (time, firstToken) = time(
                common, option, placed, length: length, at: point, &runs[index], &pipeline)
            guard time < best?.time ?? .infinity else { continue }
            best = Best(option: index, time: time, memory: memory, firstToken: firstToken)
        }
        return best
    }

    private mutating func time(
        _ common: Strategy, _ option: LengthOption, _ placed: PlacedLoads, length: Int,
        at point: (split: Int, place: Int), _ runs: inout [StageRun]?,
        _ pipeline: inout MixedPipeline
    ) -> (time: Double, firstToken: Double) {
        let variant = OverlapVariants.index(overlap: common.overlap, chunks: common.chunks)
        let kinds = pipeline.state.splits[point.split].kinds
        let degrees = option.batch.strategy.degrees
        func message(_ sequences: Int) -> Seconds {
            problem.costModel.boundaryMessage(
                tokens: sequences * lengths[length].length / degrees.context, degrees: degrees,
                placement: common.placement, model: problem.model,
                precision: problem.workload.precision)
        }
        let boundary = message(option.batch.strategy.microBatchSize)
        let stages: [StageRun]
        if let runs {
            stages = runs
        } else {
            let pricer = option.overlaps.pricer(
                variant, chunks: common.chunks, message: boundary)
            stages = kinds.map { pricer.run(of: $0.layers, placed.loads) }
            runs = stages
        }
        let formula = StepFormula(
            schedule: common.schedule, chunks: common.chunks, zeroStage: common.zeroStage,
            microBatches: option.microBatches, pipeline: degrees.pipeline, message: boundary,
            implementation: option.overlaps.implementations[variant])
        let states = stateCosts(common, tensor: degrees.tensor, at: point, &pipeline)
        let firstToken = option.requests[pipeline.state.domains[point.place]].timeToFirstToken(
            model: problem.model, messages: degrees.pipeline * common.chunks - 1,
            message: message(1))
        return (formula.time(kinds, stages: stages, states: states).total.count, firstToken.count)
    }

    /// What the weights cost under a bucket's tensor degree.
    private func stateCosts(
        _ common: Strategy, tensor: Int, at point: (split: Int, place: Int),
        _ pipeline: inout MixedPipeline
    ) -> [StateCost] {
        var state = pipeline.states[tensor] ?? pipeline.state
        if let costs = state.stateCosts[point.place][point.split] { return costs }
        let candidate = Candidate(
            strategy: common,
            choices: [
                BucketChoice(
                    length: lengths[0].length, tensor: tensor, microBatchSize: 1, recompute: .none)
            ], stepTime: .zero, memory: .zero, timeToFirstToken: .zero)
        let plan = candidate.plan(sequences: problem.workload.sequencesPerBatch)
        let pricer = StatePricer(
            step: problem.step(plan, length: lengths[0].length), model: problem.costModel)
        let costs = state.splits[point.split].kinds.map { pricer.cost(of: $0.layers) }
        state.stateCosts[point.place][point.split] = costs
        pipeline.states[tensor] = state
        return costs
    }
}
