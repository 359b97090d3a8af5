import ApusBase
import ApusCost
import ApusPlan
import ApusProgram
import ApusReport
import ApusSimulator
import ApusTestSupport
import ApusTrace
import Testing

@Suite("A report of traces")
struct TraceReportTests {
    /// A deployment of the small model, simulated.
    struct Simulated {
        var program: Program
        var result: SimulatedStep
        var trace: Trace

        init(pipeline: Int, data: Int, expert: Int, recompute: Plan.Recompute = .none) throws {
            let deployment = Deployment.small(
                pipeline: pipeline, data: data, expert: expert, recompute: recompute)
            let plan = try #require(deployment.plan)
            let cluster = try #require(deployment.cluster)
            let step = Step(
                model: deployment.model, cluster: cluster, workload: deployment.workload,
                plan: plan, bucket: plan.buckets[0], sequenceLength: 64, implementation: .compiled)
            let shape = StepShape(bucket: plan.buckets[0], length: 64, precision: .fp32)
            program = try compile(model: deployment.model, plan: plan, shape: shape)
            result = Simulator(program: program, step: step, model: CostModel(cluster: cluster))
                .run(tracing: Trace.Subject(deployment: "small.yaml", program: program))
            trace = try #require(result.trace)
        }

        /// A measurement of every rank in which all takes `factor` times as long.
        func measurement(factor: Double, steps: Int = 3) -> Trace {
            var measured = trace
            measured.source = .measurement
            measured.ranks = (0..<program.mesh.worldSize).compactMap { index in
                let stage = program.mesh.position(of: Rank(index)).stage
                guard var rank = trace.ranks.first(where: { $0.stage == stage }) else { return nil }
                rank.rank = Rank(index)
                rank.standsFor = 1
                let (events, transfers) = (rank.events, rank.transfers)
                rank.events = []
                rank.transfers = []
                for step in 1...steps {
                    let start = 10 * Double(step)
                    rank.events += events.map { event in
                        TraceEvent(
                            step: step, instruction: Int(event.instruction),
                            start: start + factor * event.start, end: start + factor * event.end,
                            held: event.held)
                    }
                    rank.transfers += transfers.map { entry in
                        TraceTransfer(
                            step: step, instruction: Int(entry.instruction),
                            queue: Int(entry.queue), begin: start + factor * entry.begin,
                            end: start + factor * entry.end, planned: entry.planned,
                            actual: entry.actual)
                    }
                }
                return rank
            }
            return measured
        }
    }

    @Test(
        "the shares of a predicted step are those that the simulator tells, and add up",
        arguments: [(1, 1, 1), (2, 2, 2), (4, 1, 1), (2, 4, 2)])
    func agreesWithTheSimulator(pipeline: Int, data: Int, expert: Int) throws {
        let simulated = try Simulated(pipeline: pipeline, data: data, expert: expert)
        let report = try LengthReport(
            program: simulated.program, predicted: simulated.trace, measured: nil,
            memoryLimit: 4_000_000_000)
        let figures = try #require(report.predicted)
        let result = simulated.result
        let time = try #require(figures.stepTime)
        #expect(abs(time - result.stepTime.count) <= 1e-12 * result.stepTime.count)
        let shares = [figures.utilization, figures.communicationExposed, figures.imbalance]
        let known = shares.compactMap(\.self)
        #expect(known.count == 3)
        #expect(abs(known[0] - result.utilization) < 1e-9)
        #expect(abs(known[1] - result.communicationExposed) < 1e-9)
        #expect(abs(known[2] + (figures.bubble ?? 0) - result.skew - result.bubble) < 1e-9)
        #expect(abs(known.reduce(figures.bubble ?? 0, +) - 1) < 1e-9)
        // A trace tells what is held between instructions, without the workspace within them.
        let held = try #require(result.trace).ranks.map(\.memoryPeak.count).max()
        #expect(figures.memoryPeak == held)
        #expect(try #require(held) <= result.memoryPeak.count)
        for stage in report.stageTimes {
            #expect(abs(stage.total - time) < 1e-9 * time)
        }
    }

    @Test("every instruction but the end of a value's life is in the timeline, with its bytes")
    func showsEveryInstruction() throws {
        let simulated = try Simulated(pipeline: 2, data: 2, expert: 2, recompute: .full)
        let report = try LengthReport(
            program: simulated.program, predicted: simulated.trace, measured: nil, memoryLimit: nil)
        let timeline = try #require(report.timeline)
        for (stage, programClass) in zip(timeline.stages, simulated.program.classes) {
            let shown = programClass.instructions.filter { instruction in
                if case .free = instruction { false } else { true }
            }
            #expect(stage.events.map(\.label) == shown.map(\.description))
            let first = 2 * programClass.stage.index
            #expect(stage.lanes.map(\.name) == ["rank \(first) (stands for 2)"])
            // Whatever full recomputation runs forward a second time is marked as such.
            let forward = stage.events.count { $0.kind == .forward }
            let again = stage.events.count { $0.kind == .recompute }
            #expect(again > 0 && again < forward)
        }
        let planned = timeline.stages.flatMap(\.events).filter(\.kind.isTransfer)
            .map(\.plannedBytes)
        #expect(planned.allSatisfy { ($0 ?? 0) > 0 })
    }

    @Test("a measurement stands beside its prediction, lane by lane, with what differs")
    func comparesRuns() throws {
        let simulated = try Simulated(pipeline: 2, data: 2, expert: 2)
        let report = try LengthReport(
            program: simulated.program, predicted: simulated.trace,
            measured: simulated.measurement(factor: 1.5), memoryLimit: nil)
        let (predicted, measured) = (report.predicted?.stepTime, report.measured?.stepTime)
        #expect(abs((measured ?? 0) / (predicted ?? 1) - 1.5) < 1e-6)
        #expect(
            report.timeline?.stages[1].lanes.map(\.origin) == [.predicted, .measured, .measured])
        let lane = try #require(report.timeline?.stages[1].lanes[2])
        #expect(lane.name == "rank 3")
        // The times of the step begin at 0, whichever of the steps it is.
        let starts = lane.spans.compactMap { $0?.start }
        #expect((starts.min() ?? 1) < 1)
        #expect(!report.differences.isEmpty)
        #expect(report.differences.allSatisfy { $0.measured >= $0.predicted })
        #expect(report.measured?.bytesSent.map(\.bytes) == report.predicted?.bytesSent.map(\.bytes))
        let page = html(for: ReportData(title: "a", summary: "", lengths: [report]))
        #expect(page.contains("−33.3\u{A0}%"))
    }

    @Test("what ranks send to others is what the program plans, the local share left out")
    func addsUpBytes() throws {
        let simulated = try Simulated(pipeline: 2, data: 2, expert: 2)
        let report = try LengthReport(
            program: simulated.program, predicted: simulated.trace, measured: nil, memoryLimit: nil)
        let matrix = try #require(report.communication)
        #expect(matrix.rows == ["0", "1", "2", "3"])
        for (from, row) in matrix.values.enumerated() {
            #expect(row[from] == 0)
            var planned = 0.0
            let instructions = simulated.program.programClass(of: Rank(from)).instructions
            for case .start(let transfer) in instructions where transfer.id.role != .receive {
                let members = simulated.program.mesh.members(of: transfer.queue, rank: Rank(from))
                let others = Double(members.count - 1)
                let isMessage = transfer.id.role == .send
                planned +=
                    Double(transfer.size.count) * (isMessage ? 1 : others / Double(members.count))
            }
            #expect(abs(row.reduce(0, +) - planned) <= 1e-9 * planned)
        }
        let total = matrix.values.flatMap(\.self).reduce(0, +)
        #expect(total > 0)
    }
}
