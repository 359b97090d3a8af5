import ApusBase
import ApusCost
import ApusPlan
import Testing

@testable import ApusPlanner

@Suite("Budgets and clusters of other sizes")
struct BudgetTests {
    @Test("days, GPU-hours and cost follow from tokens, rate and count")
    func countsCost() {
        let budget = Budget(tokens: 8.64e9, pricePerGPUHour: 2.5)
        let bill = budget.bill(tokensPerSecond: 1e5, gpus: 8)
        #expect(bill.days == 1)
        #expect(bill.gpuHours == 192)
        #expect(bill.price == 480)
        #expect(
            Budget(tokens: 1e9, pricePerGPUHour: nil).bill(tokensPerSecond: 1, gpus: 1).price == nil
        )
    }

    @Test("the smallest cluster is fast enough, and its plan's rate is what the bill counts")
    func findsSmallest() throws {
        let small = SmallProblems.problem(seed: 2)
        var cluster = small.cluster
        // A network that is fast enough to feed more nodes, and a batch that is large enough.
        cluster.links[1].bandwidthGBPerSecond = 100
        var workload = small.workload
        workload.sequencesPerBatch = 512
        let problem = SearchProblem(model: small.model, cluster: cluster, workload: workload)
        let one = try #require(problem.cluster.resized(to: problem.cluster.gpusPerNode))
        let alone = try #require(Planner(problem.on(one)).best())
        let tokens = alone.tokensPerSecond * 86_400
        let budget = Budget(tokens: tokens, pricePerGPUHour: 1)
        let enoughOrNone = budget.sizing(days: 1.001, problem: problem).found
        let enough = try #require(enoughOrNone)
        #expect(enough.bill.gpus == problem.cluster.gpusPerNode)
        let moreOrNone = budget.sizing(days: 0.7, problem: problem).found
        let more = try #require(moreOrNone)
        #expect(more.bill.gpus > problem.cluster.gpusPerNode)
        #expect(more.bill.days <= 0.7)
        #expect(more.bill.gpus == more.cluster.worldSize)
        #expect(more.bill.gpus == more.strategy.plan.degrees.worldSize)
        let own = budget.bill(
            tokensPerSecond: more.strategy.tokensPerSecond, gpus: more.bill.gpus)
        #expect(own == more.bill)
    }

    @Test("where more nodes do not help there is no answer")
    func givesUp() throws {
        let problem = SmallProblems.problem(seed: 2)
        let one = try #require(problem.cluster.resized(to: problem.cluster.gpusPerNode))
        let alone = try #require(Planner(problem.on(one)).best())
        let budget = Budget(tokens: alone.tokensPerSecond * 86_400, pricePerGPUHour: nil)
        var tried: [Int] = []
        let sizing = budget.sizing(days: 0.5, problem: problem) { tried.append($0) }
        #expect(sizing.found == nil)
        let fastest = try #require(sizing.fastest)
        let largest = try #require(sizing.largest)
        #expect(fastest.bill.days > 0.5 && largest.bill.days >= fastest.bill.days)
        #expect(largest.bill.gpus >= fastest.bill.gpus)
        #expect(tried.contains(largest.bill.gpus) && tried.max() == sizing.gpusMax)
        #expect(tried == tried.sorted())
    }

    @Test("fewer nodes than those found are too slow, down to the size before")
    func triesNodesBetween() throws {
        let small = SmallProblems.problem(seed: 2)
        var cluster = small.cluster
        cluster.links[1].bandwidthGBPerSecond = 100
        var workload = small.workload
        // Divides among five and seven nodes too.
        workload.sequencesPerBatch = 3360
        let problem = SearchProblem(model: small.model, cluster: cluster, workload: workload)
        func rate(_ nodes: Int) throws -> Double {
            let count = nodes * problem.cluster.gpusPerNode
            let resized = try #require(problem.cluster.resized(to: count))
            return try #require(Planner(problem.on(resized)).best()).tokensPerSecond
        }
        let budget = Budget(tokens: try rate(5) * 86_400, pricePerGPUHour: nil)
        try #require(try rate(4) < rate(5))
        let sizing = budget.sizing(days: 1.0001, problem: problem)
        let found = try #require(sizing.found)
        #expect(found.bill.gpus == 5 * problem.cluster.gpusPerNode)
    }

    @Test("a resized cluster is sound and keeps its kind", arguments: [1, 2, 4, 8, 16, 64, 256])
    func resizes(count: Int) throws {
        let links = [
            Link(level: "node", gpuCount: 8, bandwidthGBPerSecond: 400, latencyMicroseconds: 3),
            Link(level: "rack", gpuCount: 64, bandwidthGBPerSecond: 100, latencyMicroseconds: 5),
            Link(level: "cluster", gpuCount: 128, bandwidthGBPerSecond: 50, latencyMicroseconds: 6),
        ]
        let preset = try #require(GPUPreset.exactly("h100-sxm"))
        for kept in 0...3 {
            let cluster = Cluster(
                nodeCount: kept == 1 ? 1 : kept == 2 ? 8 : 16, gpusPerNode: 8, gpu: preset.gpu,
                links: Array(links.prefix(kept)))
            let resized = try #require(cluster.resized(to: count))
            #expect(resized.worldSize == count)
            #expect(resized.gpu == cluster.gpu)
            #expect(resized.links.isEmpty == cluster.links.isEmpty)
            let counts = resized.links.map(\.gpuCount)
            #expect(zip(counts, counts.dropFirst()).allSatisfy { $0 < $1 })
            #expect(counts.isEmpty || counts.last == count)
        }
    }

    @Test("the same size is the same cluster, and a part of a node is no size")
    func keepsItself() {
        let cluster = SmallProblems.problem(seed: 1).cluster
        #expect(cluster.resized(to: cluster.worldSize) == cluster)
        #expect(cluster.resized(to: cluster.gpusPerNode + 1) == nil)
        #expect(cluster.resized(to: 0) == nil)
        #expect(cluster.resized(to: 1 << 20) == nil)
    }

    @Test("one node that grows gets the network of its kind, not the links of its inside")
    func addsNetwork() throws {
        let preset = try #require(GPUPreset.exactly("h100-sxm"))
        let node = Link(
            level: "node", gpuCount: 8, bandwidthGBPerSecond: 400, latencyMicroseconds: 3)
        let cluster = Cluster(nodeCount: 1, gpusPerNode: 8, gpu: preset.gpu, links: [node])
        let grown = try #require(cluster.resized(to: 32))
        #expect(grown.links.first == node)
        #expect(grown.links.map(\.bandwidthGBPerSecond) == [400, preset.networkGBPerSecond])
    }

    @Test("scaling the network leaves the innermost links, unless they are all there is")
    func scalesNetwork() throws {
        let cluster = SmallProblems.problem(seed: 1).cluster
        let half = cluster.scalingNetwork(by: 0.5)
        #expect(half.links[0] == cluster.links[0])
        #expect(half.links[1].bandwidthGBPerSecond == cluster.links[1].bandwidthGBPerSecond / 2)
        var one = cluster
        one.links = [cluster.links[1]]
        #expect(
            one.scalingNetwork(by: 2).links[0].bandwidthGBPerSecond
                == 2 * cluster.links[1].bandwidthGBPerSecond)
    }

    @Test("where nothing fits, more GPUs are tried until something does")
    func findsLarger() throws {
        var problem = SmallProblems.problem(seed: 1)
        var cluster = try #require(problem.cluster.resized(to: problem.cluster.gpusPerNode))
        cluster.gpu.memoryGB = 40
        let roomy = try #require(Planner(problem.on(cluster)).best())
        let states = roomy.lengths[0].prediction.memory[0]
        // Too little for one rank's share of the states, enough for a smaller share.
        let fixed = Double(states.context.count)
        let sharded = Double(states.total.count) - fixed
        cluster.gpu.memoryGB = (fixed + 0.6 * sharded) / 1e9
        problem = problem.on(cluster)
        while Planner(problem).best() != nil {
            cluster.gpu.memoryGB *= 0.95
            problem = problem.on(cluster)
        }
        let larger = try #require(Planner(problem).larger())
        #expect(larger.cluster.worldSize > cluster.worldSize)
        #expect(larger.strategy.memoryPeak <= problem.memoryLimit)
        #expect(larger.strategy.plan.degrees.worldSize == larger.cluster.worldSize)
    }
}
