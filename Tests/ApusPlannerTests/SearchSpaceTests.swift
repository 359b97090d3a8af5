import ApusBase
import ApusPlan
import Testing

@testable import ApusPlanner

@Suite("The space of strategies")
struct SearchSpaceTests {
    @Test("the arithmetic count is the number of strategies", arguments: SmallProblems.seeds)
    func countsStrategies(seed: UInt64) {
        let problem = SmallProblems.problem(seed: seed)
        let space = problem.space
        let strategies = space.strategies
        #expect(space.count(space.slicings, splits: problem.splits) == strategies.count)
        #expect(Set(strategies).count == strategies.count)
    }

    @Test("every strategy is a plan without problems", arguments: SmallProblems.seeds)
    func strategiesAreSound(seed: UInt64) {
        let problem = SmallProblems.problem(seed: seed)
        var deployment = Deployment(
            model: problem.model, cluster: problem.cluster, workload: problem.workload, plan: nil,
            routing: problem.routing, claims: [], run: RunSettings())
        let strategies = problem.space.strategies
        for strategy in strategies where strategy.recompute == .none && strategy.overlap {
            deployment.plan = strategy.plan(sequences: problem.space.sequences)
            #expect(
                !deployment.problems().contains { $0.severity == .error },
                "\(strategy.degrees.layout)")
            #expect(problem.space.obstacle(strategy.degrees) == nil)
        }
    }

    @Test("degrees that are no strategy have an obstacle, all others have none")
    func namesObstacles() {
        let problem = SmallProblems.problem(seed: 1)
        let space = problem.space
        let strategies = Set(space.strategies.map(\.degrees))
        for pipeline in 1...9 {
            for data in [1, 2, 3, 4, 8] {
                for tensor in [1, 2, 4, 5] {
                    for expert in [1, 2, 3, 4, 8] {
                        let degrees = Degrees(
                            pipeline: pipeline, data: data, tensor: tensor, expert: expert)
                        #expect(
                            (space.obstacle(degrees) == nil) == strategies.contains(degrees),
                            "\(degrees.layout)")
                    }
                }
            }
        }
    }

    @Test("interleaving takes the fewest chunks for each size of its largest chunk")
    func takesFewestChunks() {
        var model = SmallProblems.problem(seed: 3).model
        model.layerCount = 24
        let chunks = Split.all(pipeline: 2, model: model)
            .filter { $0.schedules == [.interleaved] }.map(\.chunks)
        #expect(chunks == [2, 3, 4, 6, 12])
    }
}
