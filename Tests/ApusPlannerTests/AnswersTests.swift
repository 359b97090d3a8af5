import ApusBase
import ApusCost
import ApusPlan
import Testing

@testable import ApusPlanner

@Suite("What the planner says about its plans")
struct AnswersTests {
    /// A problem in which something fits, with its recommended strategy.
    private func planned(_ seed: UInt64) throws -> (SearchProblem, PlannedStrategy) {
        let problem = SmallProblems.problem(seed: seed, lengths: [256, 1024])
        let planner = Planner(problem)
        return (problem, try #require(planner.finalists(planner.search()).first))
    }

    @Test("the parts of a step add up to it", arguments: [2, 5])
    func partsAddUp(seed: UInt64) throws {
        let (_, best) = try planned(seed)
        let sum = TimeParts(best).parts.map(\.time).reduce(.zero, +)
        #expect(abs(sum / best.stepTime - 1) < 1e-9)
    }

    @Test("what makes a strategy slower adds up to how much slower it is", arguments: [2, 5])
    func causesAddUp(seed: UInt64) throws {
        let (problem, best) = try planned(seed)
        var plan = best.plan
        plan.overlap = false
        for index in plan.buckets.indices { plan.buckets[index].recompute = .full }
        guard case .slower(_, let share, _) = WhyNot(plan, best: best, problem: problem) else {
            Issue.record("recomputation needs no more memory")
            return
        }
        let other = PlannedStrategy(plan, for: problem)
        let causes = TimeParts(best).differences(to: TimeParts(other), least: 0)
        #expect(share > 0)
        #expect(abs(causes.map(\.share).reduce(0, +) - share) < 1e-9)
    }

    @Test("the recommended strategy is not slower than itself")
    func bestIsBest() throws {
        let (problem, best) = try planned(2)
        let whyNot = WhyNot(best.plan.degrees, best: best, problem: problem)
        guard case .slower(_, let share, _) = whyNot else {
            Issue.record("it fits")
            return
        }
        #expect(share <= 0)
    }

    @Test("a strategy that does not fit is told from one that does")
    func tellsTooLarge() throws {
        let (problem, best) = try planned(2)
        var cluster = problem.cluster
        cluster.gpu.memoryGB = best.memoryPeak.gigabytes - 0.001
        let small = SearchProblem(
            model: problem.model, cluster: cluster, workload: problem.workload)
        guard case .tooLarge = WhyNot(best.plan, best: nil, problem: small) else {
            Issue.record("a rank needs more than it has")
            return
        }
    }

    @Test("each piece of advice keeps what it promises", arguments: [2, 5])
    func adviceHolds(seed: UInt64) throws {
        let (problem, best) = try planned(seed)
        let advice = Advice.all(for: best, problem: problem, least: 0)
        #expect(!advice.isEmpty)
        let doubled = advice.first { $0.change.contains("a batch of") }
        if let doubled {
            var workload = problem.workload
            workload.sequencesPerBatch *= 2
            let larger = SearchProblem(
                model: problem.model, cluster: problem.cluster, workload: workload)
            var plan = best.plan
            for index in plan.buckets.indices {
                plan.buckets[index].microBatches *= 2
                plan.buckets[index].sequencesPerDataRank *= 2
            }
            let changed = PlannedStrategy(plan, for: larger)
            let gain = changed.tokensPerSecondPerGPU / best.tokensPerSecondPerGPU - 1
            #expect(abs(gain - doubled.gain) < 1e-12)
        }
    }

    @Test("a bill multiplies up")
    func billsMultiply() {
        let bill = Budget(tokens: 1e12, pricePerGPUHour: 2.5)
            .bill(tokensPerSecond: 1e6, gpus: 64)
        #expect(abs(bill.days - 1e6 / 86_400) < 1e-9)
        #expect(abs(bill.gpuHours - bill.days * 24 * 64) < 1e-6)
        #expect(abs((bill.price ?? 0) - 2.5 * bill.gpuHours) < 1e-6)
    }

    @Test("the fewest nodes that are fast enough are found")
    func findsFewestNodes() throws {
        let (problem, best) = try planned(2)
        let budget = Budget(tokens: 1e9, pricePerGPUHour: nil)
        let days = budget.bill(
            tokensPerSecond: best.tokensPerSecond, gpus: problem.cluster.worldSize
        ).days
        let found = try #require(budget.sizing(days: 1.01 * days, problem: problem).found)
        #expect(found.bill.days <= 1.01 * days)
        #expect(found.bill.gpus <= problem.cluster.worldSize)
    }

    @Test("moving layers between stages makes no finalist slower", arguments: SmallProblems.seeds)
    func balanceHelps(seed: UInt64) throws {
        var problem = SmallProblems.problem(seed: seed)
        var model = problem.model
        model.layerCount = 16
        model.vocabularySize = 200_000
        var cluster = problem.cluster
        cluster.gpu.memoryGB = 80
        problem = SearchProblem(model: model, cluster: cluster, workload: problem.workload)
        var strategy = Strategy(degrees: Degrees(pipeline: 4))
        strategy.microBatchSize = 1
        let even = PlannedStrategy(
            strategy.plan(sequences: problem.space.sequences), for: problem)
        let balanced = StageBalance(problem: problem).balanced(even)
        #expect(balanced.stepTime <= even.stepTime)
        guard !problem.model.hasExperts else { return }
        // In these models the head computes longer than the host takes to launch a layer.
        let layers = try #require(balanced.plan.layersPerStage)
        #expect(layers.reduce(0, +) == 16)
        #expect(layers.last == layers.min())
    }
}

extension Bytes {
    fileprivate var gigabytes: Double { Double(count) / 1e9 }
}
