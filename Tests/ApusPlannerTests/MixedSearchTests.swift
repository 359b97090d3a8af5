import ApusBase
import ApusCost
import ApusPlan
import Testing

@testable import ApusPlanner

@Suite("Search over strategies of several lengths")
struct MixedSearchTests {
    static let lengths = [128, 1024]

    /// The least mean step time of each common strategy, each length priced by the cost model's own
    /// prediction of every bucket.
    private func exhaustive(_ problem: SearchProblem) -> Double? {
        var best: Double?
        let commons = Set(
            problem.space.strategies.map { strategy in
                var common = strategy
                common.microBatchSize = 1
                common.recompute = .none
                return common
            })
        for common in commons {
            let times = Self.lengths.map { fastest(common, length: $0, problem) }
            guard !times.contains(.infinity) else { continue }
            let mean = times.reduce(0, +) / Double(times.count)
            best = min(best ?? .infinity, mean)
        }
        return best
    }

    private func fastest(_ common: Strategy, length: Int, _ problem: SearchProblem) -> Double {
        var best = Double.infinity
        let slicing = Slicing(common.degrees)
        for tensor in problem.space.carvings(slicing, dataMax: common.degrees.data) {
            let data = common.degrees.carving(tensor: tensor).data
            guard common.degrees.data * common.degrees.tensor == data * tensor else { continue }
            let share = problem.space.sequences / data
            for size in 1...share where share.isMultiple(of: size) {
                guard
                    Split.allows(
                        common.schedule, microBatches: share / size,
                        pipeline: common.degrees.pipeline)
                else { continue }
                for recompute in Plan.Recompute.allCases {
                    var plan = common.plan(sequences: problem.space.sequences)
                    plan.buckets = [
                        Plan.Bucket(
                            lengthMax: length, microBatches: share / size,
                            sequencesPerDataRank: share, tensorParallel: tensor,
                            recompute: recompute)
                    ]
                    let prediction = problem.costModel.predict(problem.step(plan, length: length))
                    guard prediction.memoryPeak <= problem.memoryLimit else { continue }
                    best = min(best, prediction.stepTime.count)
                }
            }
        }
        return best
    }

    @Test("the search finds what pricing every bucket of every strategy finds", arguments: 1...2)
    func agreesWithPrediction(seed: UInt64) throws {
        let problem = SmallProblems.problem(seed: seed, lengths: Self.lengths)
        let answer = Planner(problem).search()
        let best = exhaustive(problem)
        let fastest = answer.ranked.map(\.stepTime.count).min()
        #expect((best == nil) == (fastest == nil))
        guard let best, let fastest else { return }
        #expect(abs(fastest / best - 1) < 0.005_001)
    }

    @Test("pruning loses neither the best nor the front", arguments: SmallProblems.seeds)
    func pruningLosesNothing(seed: UInt64) {
        let planner = Planner(SmallProblems.problem(seed: seed, lengths: Self.lengths))
        let pruned = planner.search()
        var options = Planner.Options()
        options.isPruning = false
        let whole = planner.search(options)
        #expect(pruned.ranked == whole.ranked)
        #expect(pruned.front == whole.front)
        #expect(pruned.counts.searched == whole.counts.searched)
    }

    @Test("a ranked candidate is a deployment without problems", arguments: SmallProblems.seeds)
    func plansAreSound(seed: UInt64) throws {
        let problem = SmallProblems.problem(seed: seed, lengths: Self.lengths)
        let planner = Planner(problem)
        let answer = planner.search()
        for candidate in answer.ranked + answer.front {
            let strategy = planner.planned(candidate)
            let deployment = Deployment(
                model: problem.model, cluster: problem.cluster, workload: problem.workload,
                plan: strategy.plan, routing: problem.routing, claims: [], run: RunSettings())
            #expect(!deployment.problems().contains { $0.severity == .error })
            #expect(strategy.memoryPeak <= problem.memoryLimit)
            #expect(abs(strategy.stepTime / candidate.stepTime - 1) < 1e-9)
            #expect(abs(strategy.timeToFirstToken / candidate.timeToFirstToken - 1) < 1e-9)
        }
    }
}
