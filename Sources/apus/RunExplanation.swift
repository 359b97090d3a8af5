import ApusBase
import ApusPlan
import ApusPlanner
import ApusProgram

/// What `apus explain` says of a run: whether a stage was slow in it, and what to do about that.
struct RunExplanation {
    let log: String
    let file: String
    let deployment: Deployment
    /// The split of the run's last steps.
    let plan: Plan
    let layers: [Int]
    let series: StageTimeSeries
    /// Median of the steps that were looked at.
    let stepTime: Seconds
    let outcome: Rebalancer.Outcome

    /// More steps than these do not make it clearer, and a stage may have been slow for a while.
    private static let stepCountMax = 50

    init(_ run: MeasuredRun, _ input: SimulationInput, file: String) throws {
        var input = input
        var steps = run.steps.filter { $0.stage_compute_s != nil }
        if let move = run.moves.last {
            input.plan = input.plan.splitting(layers: move.layers_per_stage)
            input.deployment.plan = input.plan
            try input.deployment.requireSound(at: input.positions)
            steps.removeAll { $0.step <= move.step }
        }
        steps = steps.suffix(Self.stepCountMax)
        let stages = input.plan.degrees.pipeline
        guard steps.count >= StageTimeSeries.stepCountMin,
            steps.allSatisfy({ $0.stage_compute_s?.count == stages }), let first = steps.first
        else { throw Problems([Self.unusable(run.path, steps: steps.count, stages: stages)]) }
        let length = input.deployment.run.sequenceLength
        let (step, shape) = try input.trainingStep(
            length: length, sequences: max(1, first.tokens / length), microBatches: nil)
        log = run.path
        self.file = file
        deployment = input.deployment
        plan = input.plan
        layers = plan.layers(in: deployment.model).map(\.count)
        series = StageTimeSeries(steps.compactMap(\.stage_compute_s))
        stepTime = Seconds(steps.map(\.step_time_s).sorted()[steps.count / 2])
        outcome = try Rebalancer(step: step, shape: shape).outcome(of: plan, series)
    }

    /// The deployment with the split that is proposed, without claims about the one before.
    var proposed: Deployment? {
        guard case .proposal(let proposal) = outcome else { return nil }
        var deployment = deployment
        deployment.plan = proposal.plan
        deployment.claims = []
        return deployment
    }

    private static func unusable(_ path: String, steps: Int, stages: Int) -> Diagnostic {
        Diagnostic(
            .reportInput, location: Diagnostic.Location(file: path),
            problem: "the log says too little of its stages' times: "
                + counted(steps, "step", "steps") + " since layers last moved",
            expected: "at least \(StageTimeSeries.stepCountMin) steps with `stage_compute_s` of "
                + counted(stages, "stage", "stages"),
            hint: "`apus train --log` writes it; `--local` is for a log of a run with `--local`")
    }
}

extension RunExplanation {
    var lines: [String] {
        [
            "\(log): the last \(counted(series.stepCount, "step", "steps")), "
                + "\(stepTime) each in the median",
            "  stage    layers   compute a step   noise",
        ] + stageLines + [""] + verdict
    }

    private var stageLines: [String] {
        let shape = plan.virtualStages
        return series.medians.indices.map { stage in
            let held = (0..<shape.chunks).map {
                String(layers[shape.index(stage: stage, chunk: $0)])
            }.joined(separator: "+")
            return "  " + padded("\(stage)", 5) + padded(held, 10)
                + padded("\(Seconds(series.medians[stage]))", 17)
                + padded("\(Seconds(series.deviations[stage]))", 11)
        }
    }

    private var verdict: [String] {
        switch outcome {
        case .balanced:
            return ["no stage is consistently slower than the others by a tenth and the noise"]
        case .bestAlready(let slow):
            return [words(slow), "no other split of layers would make the step shorter"]
        case .proposal(let proposal):
            let list = proposal.after.map(String.init).joined(separator: ", ")
            return [
                words(proposal.slow),
                "proposal: `layers_per_stage: [\(list)]`",
                "  predicted with the stages as slow as measured: \(proposal.stepTimeAfter) a step "
                    + "instead of \(proposal.stepTimeBefore), \(percent(proposal.gain)) less",
                "  `apus explain \(log) \(file) -o balanced.yaml` writes it; "
                    + "`apus train --rebalance-every 20` does it in the run",
            ]
        }
    }

    private func words(_ slow: StageTimeSeries.SlowStage) -> String {
        "stage \(slow.stage) is consistently slow: it computes "
            + "\(fixed(slow.ratio, decimals: 2)) times as long as the mean of the others, "
            + "\(Seconds(slow.seconds - slow.others)) more, and chance makes "
            + "\(Seconds(slow.noise)) of that"
    }
}

/// `apus explain run.jsonl … --json`.
struct RunExplanationRecord: Encodable {
    struct Proposal: Encodable {
        var layers_per_stage: [Int]
        var predicted_step_time_before_s: Double
        var predicted_step_time_s: Double
    }

    var steps: Int
    var step_time_s: Double
    var layers_per_stage: [Int]
    var stage_compute_s: [Double]
    var stage_deviation_s: [Double]
    var slow_stage: Int?
    var slow_ratio: Double?
    var proposal: Proposal?

    init(_ explanation: RunExplanation) {
        let series = explanation.series
        steps = series.stepCount
        step_time_s = explanation.stepTime.count
        layers_per_stage = explanation.layers
        stage_compute_s = series.medians
        stage_deviation_s = series.deviations
        slow_stage = series.slowStage?.stage.index
        slow_ratio = series.slowStage?.ratio
        guard case .proposal(let found) = explanation.outcome else { return }
        proposal = Proposal(
            layers_per_stage: found.after,
            predicted_step_time_before_s: found.stepTimeBefore.count,
            predicted_step_time_s: found.stepTimeAfter.count)
    }
}
