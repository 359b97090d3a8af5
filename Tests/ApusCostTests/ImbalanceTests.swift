import ApusBase
import ApusCost
import ApusPlan
import ApusTestSupport
import Testing

@Suite("Experts that get unequal shares")
struct ImbalanceTests {
    private func prediction(_ routing: Routing, expert: Int = 8) -> StepPrediction {
        var model = Model.mixtral8x7B
        model.layerCount = 8
        let cluster = Cluster(nodeCount: 1, gpusPerNode: 8, gpu: .h100, links: [])
        let bucket = Plan.Bucket(
            lengthMax: nil, microBatches: 4, sequencesPerDataRank: 4, tensorParallel: 1,
            recompute: .none)
        let plan = Plan(degrees: Degrees(data: 8, expert: expert), buckets: [bucket])
        return CostModel(cluster: cluster).predict(
            Step(
                model: model, cluster: cluster,
                workload: Workload(sequencesPerBatch: 32, sequenceLengths: [4096]),
                routing: routing, plan: plan, bucket: bucket, sequenceLength: 4096))
    }

    private func time(_ routing: Routing) -> Seconds { prediction(routing).stepTime }

    @Test("the busiest rank sets the pace", arguments: [1.2, 1.5, 2])
    func costsTime(imbalance: Double) {
        let even = prediction(Routing())
        let uneven = prediction(Routing(imbalance: imbalance))
        let experts = even.breakdown.expertProducts
        let slower = uneven.breakdown.expertProducts / experts
        // Larger products are a little more efficient, and no part of the step gets faster.
        #expect(slower > 0.9 * imbalance && slower < 1.02 * imbalance)
        #expect(uneven.stepTime > even.stepTime + 0.8 * (imbalance - 1) * experts)
    }

    @Test("the busiest rank's rows need memory", arguments: [1.5, 2, 4])
    func costsMemory(imbalance: Double) {
        let even = prediction(Routing()).memory[0].activations.count
        let uneven = prediction(Routing(imbalance: imbalance)).memory[0].activations.count
        #expect(uneven > even)
        #expect(Double(uneven) < imbalance * Double(even))
    }

    @Test("a capacity bounds it, unless what is over waits in a buffer")
    func isBounded() {
        func limited(
            _ imbalance: Double, factor: Double, overflow: Routing.Overflow = .drop
        ) -> Seconds {
            time(
                Routing(
                    capacity: .perAssignment, capacityFactor: factor, overflow: [overflow],
                    imbalance: imbalance))
        }
        #expect(limited(2, factor: 1.25) == limited(1.25, factor: 1.25))
        #expect(limited(1.1, factor: 1.25) < limited(1.25, factor: 1.25))
        #expect(limited(2, factor: 1) == limited(1, factor: 1))
        #expect(limited(2, factor: 0.5) < limited(1, factor: 1))
        #expect(limited(2, factor: 1.25, overflow: .buffer) == time(Routing(imbalance: 2)))
        #expect(
            time(Routing(capacity: .perToken, capacityFactor: 2.5, imbalance: 2))
                == limited(2, factor: 1.25))
    }
}
