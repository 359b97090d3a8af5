import ApusReport

/// A report of every part, made by rule: four stages of two ranks in 1F1B.
enum SampleReport {
    static let stages = 4
    static let microBatches = 8

    static var whole: ReportData {
        var data = ReportData(
            title: "strategy-16gpu", summary: "8 ranks: pipeline 4 × data 2, experts 2-way, 1f1b")
        data.provenance = ["deployment sample.yaml", "run.jsonl, 20 steps"]
        data.facts = [
            FactGroup("Plan", [("degrees", "pp4, dp2, ep2"), ("schedule", "1f1b")]),
            FactGroup("Cluster", [("GPUs", "8 × h100-sxm"), ("memory", "80 GB each")]),
        ]
        data.lengths = [length(1024, isMeasured: true), length(4096, isMeasured: false)]
        data.run = run
        data.experts = experts
        data.audit = audit
        data.search = search
        return data
    }

    static func length(_ tokens: Int, isMeasured: Bool) -> LengthReport {
        var length = LengthReport(sequenceLength: tokens)
        length.timeline = timeline(isMeasured: isMeasured)
        length.predicted = figures(scale: 1)
        if isMeasured { length.measured = figures(scale: 1.07) }
        let origins: [Origin] = isMeasured ? [.predicted, .measured] : [.predicted]
        for stage in 0..<stages {
            for origin in origins {
                let longer = origin == .measured ? 0.004 : 0
                length.stageTimes.append(
                    StageTime(
                        name: "stage \(stage)", origin: origin, computation: 0.072 + longer,
                        communicationExposed: 0.005 + Double(stage) * 0.001, bubble: 0.025))
            }
        }
        length.memory = memory(origins)
        length.communication = communication
        if isMeasured {
            length.differences = [
                Difference(
                    kind: "backward experts", predicted: 0.021, measured: 0.026,
                    explanation: "the busiest expert got 1.3 × the even share")
            ]
        }
        return length
    }

    private static func figures(scale: Double) -> StepFigures {
        var figures = StepFigures()
        figures.stepTime = 0.105 * scale
        figures.tokensPerSecond = 16384 / 0.105 / scale
        figures.bubble = 0.24
        figures.communicationExposed = 0.06 * scale
        figures.utilization = 0.7 / scale
        figures.memoryPeak = Int(31.4e9 * scale)
        figures.memoryLimit = 80_000_000_000
        figures.bytesSent = [.init(kind: "dispatch", bytes: 268_435_456)]
        return figures
    }

    /// 1F1B with forward 3 ms and backward 6 ms, and a transfer behind each.
    static func timeline(isMeasured: Bool) -> Timeline {
        var built: [Timeline.Stage] = []
        for stage in 0..<stages {
            var events: [Timeline.Event] = []
            var spans: [Timeline.Span?] = []
            let warmup = min(stages - 1 - stage, microBatches)
            var order: [(isForward: Bool, batch: Int)] = (0..<warmup).map { (true, $0) }
            for batch in 0..<microBatches {
                if warmup + batch < microBatches { order.append((true, warmup + batch)) }
                order.append((false, batch))
            }
            var clock = 0.003 * Double(stage)
            for (isForward, batch) in order {
                let arrival =
                    isForward
                    ? 0.003 * Double(stage) + 0.003 * Double(batch)
                    : 0.003 * Double(stages) + 0.009 * Double(batch) + 0.006
                        * Double(stages - 1 - stage)
                if arrival > clock + 1e-9 {
                    events.append(.init("WAIT act/\(batch)", .wait, microBatch: batch))
                    spans.append(.init(clock, min(arrival, clock + 0.001)))
                }
                clock = max(clock, arrival)
                let time = isForward ? 0.003 : 0.006
                let name = isForward ? "F" : "B"
                events.append(
                    .init(
                        "\(name)\(batch) experts/\(stage) s4 -> s9 keep s7",
                        isForward ? .forward : .backward, microBatch: batch, layer: stage,
                        plannedBytes: 8_388_608))
                spans.append(.init(clock, clock + time))
                clock += time
                events.append(
                    .init(
                        "START \(isForward ? "act" : "grad")/\(batch) 4 MB", .stageTransfer,
                        microBatch: batch, plannedBytes: 4_194_304))
                spans.append(.init(clock, clock + 0.0012))
            }
            events.append(.init("STEP", .optimizer))
            spans.append(.init(clock, clock + 0.004))
            var lanes = [Timeline.Lane("stage \(stage)", .predicted, spans: spans)]
            if isMeasured {
                for rank in [stage * 2, stage * 2 + 1] {
                    let drift = 1 + 0.02 * Double(rank % 5)
                    lanes.append(
                        Timeline.Lane(
                            "rank \(rank)", .measured,
                            spans: spans.map { span in
                                span.map { .init($0.start * drift, $0.end * drift) }
                            }, actualBytes: events.map(\.plannedBytes)))
                }
            }
            built.append(Timeline.Stage("stage \(stage)", events: events, lanes: lanes))
        }
        return Timeline(stages: built)
    }

    private static func memory(_ origins: [Origin]) -> MemoryPicture {
        let times = (0..<60).map { Double($0) * 0.00175 }
        return MemoryPicture(
            limit: 80_000_000_000,
            stages: (0..<stages).map { stage in
                MemoryPicture.Stage(
                    "stage \(stage)",
                    origins.map { origin in
                        let scale = origin == .measured ? 1.04 : 1
                        return Series(
                            origin.rawValue, origin, x: times,
                            y: times.indices.map { index in
                                let held = Double(min(index, 59 - index, 8 - stage)) * 1.1e9
                                return (22e9 + held) * scale
                            })
                    })
            })
    }

    private static var communication: Matrix {
        let ranks = (0..<8).map { "\($0)" }
        let values = (0..<8).map { from in (0..<8).map { to in bytes(from: from, to: to) } }
        return Matrix(
            rows: ranks, columns: ranks, values: values, unit: .bytes, rowName: "sender",
            columnName: "receiver")
    }

    private static func bytes(from: Int, to: Int) -> Double {
        if from / 2 == to / 2, from != to { return 268e6 }
        return abs(from - to) == 2 ? 33.5e6 : 0
    }

    private static var run: RunReport {
        RunReport(
            steps: (1...20).map { number in
                var step = RunReport.Step(step: number)
                step.loss = 10.6 / (1 + 0.12 * Double(number))
                step.tokensPerSecond = 176 + Double(number % 3)
                step.stepTime = 2.8
                step.expertLoadCV = 1.2 + 0.05 * Double(number)
                step.dropped = 0
                return step
            })
    }

    private static var experts: ExpertLoad {
        ExpertLoad(.measured, frames: (1...3).map(frame))
    }

    private static func frame(step: Int) -> ExpertLoad.Frame {
        var values: [[Double]] = []
        for expert in 0..<16 {
            values.append((0..<8).map { Double((expert * 7 + $0 * 3 + step) % 5) * 0.5 })
        }
        return ExpertLoad.Frame(
            step: step,
            load: Matrix(
                rows: (0..<16).map { "\($0)" }, columns: (0..<8).map { "\($0)" },
                values: values, unit: .share, rowName: "expert", columnName: "layer"))
    }

    private static var audit: AuditSummary {
        AuditSummary(
            claims: [
                .init(
                    id: "parameters-total", verdict: "wrong", claimed: "10 000 000 000",
                    computed: "435 962 368", unit: "parameters", why: "embedding + experts + …"),
                .init(
                    id: "bubble", verdict: "holds", claimed: "0.27", computed: "0.273",
                    unit: "share", why: "(p − 1) ÷ (m + p − 1)"),
            ],
            problems: [
                .init(
                    code: "launch", severity: "error", place: "sample.yaml:12:3",
                    text: "`--ep 16` is not what the plan says", hint: "`--ep 4`")
            ])
    }

    private static var search: SearchSummary {
        let strategies = (0..<9).map { index -> SearchSummary.Strategy in
            let (position, stages) = (Double(index), 1 << (index % 3))
            return SearchSummary.Strategy(
                name: "pp\(stages),dp\(16 / stages),ep4", stepTime: 0.1 + 0.013 * position,
                tokensPerSecondPerGPU: 20000 / (1 + 0.13 * position),
                memoryPeak: Int(60e9 - 5e9 * position), timeToFirstToken: 0.08,
                isPareto: index % 2 == 0, isOwn: index == 3)
        }
        return SearchSummary(
            summary: "searched 3 692 280, evaluated 87 587", strategies: strategies,
            memoryLimit: 64_000_000_000)
    }
}
