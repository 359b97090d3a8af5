import ApusBase
import ApusCost
import ApusPlan
import ApusTestSupport
import Testing

@Suite("The split of layers that makes the slowest stage fastest")
struct LayerBalanceTests {
    /// Weights of a layer of each kind and of both ends.
    struct Weights: Sendable {
        var dense = 1.0
        var sparse = 1.0
        var embedding = 0.0
        var head = 0.0

        func time(_ layers: StageLayers) -> Double {
            Double(layers.dense) * dense + Double(layers.sparse) * sparse
                + (layers.hasEmbedding ? embedding : 0) + (layers.hasHead ? head : 0)
        }
    }

    private func balance(
        _ shape: VirtualStages, layers: Int, dense: [Int] = [], _ weights: Weights
    ) -> LayerBalance {
        var model = Model.small(layerCount: layers)
        model.denseLayers = dense
        return LayerBalance(shape, model: model) { layers in
            let time = weights.time(layers)
            return LayerBalance.Load(total: time, computation: time)
        }
    }

    /// The slowest stage's time of the best of all splits.
    private func exhaustive(
        _ balance: LayerBalance, _ shape: VirtualStages, layers: Int, slowness: [Double]
    ) -> Double {
        var best = Double.infinity
        func extend(_ counts: [Int], left: Int) {
            let open = shape.count - counts.count
            if open == 1 {
                let times = balance.times(of: counts + [left], slowness: slowness)
                best = min(best, times.map(\.count).max() ?? 0)
                return
            }
            for count in 1...(left - open + 1) { extend(counts + [count], left: left - count) }
        }
        extend([], left: layers)
        return best
    }

    @Test("no split has a faster slowest stage", arguments: 0..<60 as Range<UInt64>)
    func isExact(seed: UInt64) throws {
        var generator = SeededGenerator(seed: mixed(seed))
        let shapes = [
            VirtualStages(stages: 4), VirtualStages(stages: 2), VirtualStages(stages: 3),
            VirtualStages(stages: 2, chunks: 2), VirtualStages(stages: 2, chunks: 3),
            VirtualStages(stages: 3, chunks: 2, isV: true),
        ]
        let shape = shapes[Int(seed) % shapes.count]
        let layers = shape.count + Int(generator.next() % 6)
        let weights = Weights(
            dense: 0.2 + generator.nextUnit(), embedding: generator.nextUnit(),
            head: 4 * generator.nextUnit())
        // Where chunks mix kinds of layers, the split is good and not proven best.
        let dense =
            shape.chunks > 1 ? [] : (0..<layers).filter { _ in generator.next() % 2 == 0 }
        let slowness = (0..<shape.stages).map { _ in 1 + generator.nextUnit() }
        let balance = balance(shape, layers: layers, dense: dense, weights)
        let split = try #require(balance.split(slowness: slowness))
        #expect(split.count == shape.count)
        #expect(split.reduce(0, +) == layers)
        #expect(split.allSatisfy { $0 > 0 })
        let slowest = balance.times(of: split, slowness: slowness).map(\.count).max() ?? 0
        let best = exhaustive(balance, shape, layers: layers, slowness: slowness)
        #expect(abs(slowest - best) < 1e-9, "seed \(seed): \(split)")
    }

    @Test("a head that weighs three layers takes the place of three")
    func weighsHead() {
        let shape = VirtualStages(stages: 4)
        #expect(balance(shape, layers: 17, Weights(head: 3)).split() == [5, 5, 5, 2])
        #expect(
            balance(shape, layers: 17, Weights(embedding: 1, head: 2)).split() == [4, 5, 5, 3])
        // In a V the first stage has both ends.
        let bent = VirtualStages(stages: 2, chunks: 2, isV: true)
        #expect(balance(bent, layers: 9, Weights(head: 3)).split() == [2, 3, 3, 1])
    }

    @Test("of splits with the same slowest stage it is the most even one")
    func isEven() {
        let split = balance(VirtualStages(stages: 4), layers: 10, Weights(head: 5)).split()
        #expect(split == [3, 3, 3, 1])
    }

    @Test("a stage that computes half again as long gets two thirds of the layers")
    func relievesSlowStage() {
        let shape = VirtualStages(stages: 2)
        #expect(balance(shape, layers: 20, Weights()).split(slowness: [1.5, 1]) == [8, 12])
    }

    @Test("dense layers that cost a quarter are counted as that")
    func weighsDenseLayers() {
        let cheap = Weights(dense: 0.25)
        let split = balance(VirtualStages(stages: 2), layers: 10, dense: [0, 1, 2, 3], cheap)
            .split()
        #expect(split == [6, 4] || split == [7, 3])
        let mixed = balance(
            VirtualStages(stages: 2, chunks: 2), layers: 16, dense: Array(0..<8), cheap)
        let times = mixed.times(of: mixed.split() ?? []).map(\.count)
        #expect(times == [5, 5])
    }

    @Test("fewer layers than virtual stages cannot be split")
    func needsLayers() {
        #expect(balance(VirtualStages(stages: 4), layers: 3, Weights()).split() == nil)
    }

    @Test("a plan's stages under the balance take what the closed form says of them")
    func agreesWithClosedForm() throws {
        let deployment = Deployment.small(pipeline: 2, microBatches: 8, sequencesPerDataRank: 8)
        let plan = try #require(deployment.plan)
        let step = Step(
            model: deployment.model, cluster: try #require(deployment.cluster),
            workload: deployment.workload, plan: plan, bucket: plan.buckets[0],
            sequenceLength: 16)
        let model = CostModel(cluster: step.cluster)
        let times = model.layerBalance(over: [(1, step)]).times(of: [2, 2])
        let stages = model.predict(step).stages
        for (time, stage) in zip(times, stages) {
            let expected =
                8
                * (stage.forward + stage.backward + stage.forwardCommunication
                + stage.backwardCommunication).count
            #expect(abs(time.count / expected - 1) < 1e-9)
        }
    }
}
