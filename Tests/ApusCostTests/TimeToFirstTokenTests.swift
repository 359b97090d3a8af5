import ApusBase
import ApusCost
import ApusPlan
import ApusTestSupport
import Testing

@Suite("Time to the first token and to each further one")
struct TimeToFirstTokenTests {
    private func step(
        _ degrees: Degrees, length: Int = 4096, batch: Int = 64,
        schedule: Plan.Schedule = .oneForwardOneBackward
    ) -> Step {
        let cluster = Cluster(
            nodeCount: 8, gpusPerNode: 8, gpu: .h100, links: [])
        let share = batch / degrees.data
        let bucket = Plan.Bucket(
            lengthMax: nil, microBatches: share, sequencesPerDataRank: share,
            tensorParallel: degrees.tensor, recompute: .full)
        let plan = Plan(
            degrees: degrees, schedule: schedule, sequenceParallel: true, buckets: [bucket])
        return Step(
            model: .mixtral8x7B, cluster: cluster,
            workload: Workload(sequencesPerBatch: batch, sequenceLengths: [length]),
            plan: plan, bucket: bucket, sequenceLength: length)
    }

    private func firstToken(_ step: Step) -> Seconds {
        CostModel(cluster: step.cluster).timeToFirstToken(of: step)
    }

    @Test("a longer prompt takes longer", arguments: [1, 2, 8])
    func growsWithLength(tensor: Int) {
        let degrees = Degrees(data: 64 / tensor, tensor: tensor, expert: 8)
        let times = [2048, 4096, 8192, 16_384].map { firstToken(step(degrees, length: $0)) }
        #expect(times == times.sorted())
        #expect(times[3] > 2 * times[1])
    }

    @Test("stages pass a prompt on and do not share it", arguments: [2, 4, 8])
    func stagesDoNotShare(pipeline: Int) {
        let one = firstToken(step(Degrees(data: 64 / pipeline, expert: 8)))
        let many = firstToken(step(Degrees(pipeline: pipeline, data: 64 / pipeline, expert: 8)))
        #expect(many > one)
        #expect(many < 1.2 * one)
    }

    @Test("ranks that cut a long prompt shorten its time", arguments: [2, 4, 8])
    func ranksShare(degree: Int) {
        let whole = firstToken(step(Degrees(data: 64, expert: 8), length: 65_536))
        let tensor = firstToken(
            step(Degrees(data: 64 / degree, tensor: degree, expert: 8), length: 65_536))
        let context = firstToken(
            step(Degrees(data: 64 / degree, context: degree, expert: 8), length: 65_536))
        #expect(tensor < whole)
        #expect(context < whole)
    }

    @Test("batch, schedule and recomputation do not touch a request")
    func ignoresTraining() {
        let degrees = Degrees(pipeline: 2, data: 32, expert: 8)
        let one = firstToken(step(degrees))
        #expect(one == firstToken(step(degrees, batch: 1024)))
        #expect(one == firstToken(step(degrees, schedule: .zeroBubbleH1)))
    }

    @Test("one more token costs far less than the prompt, and no less than reading the weights")
    func tokensCostLess() {
        let step = step(Degrees(data: 64, expert: 8))
        let costs = CostModel(cluster: step.cluster)
        let token = costs.timePerOutputToken(of: step)
        #expect(token < costs.timeToFirstToken(of: step))
        // Attention and one expert of each layer, in BF16.
        let weights = step.model.layerParameters(isDense: false)
        let bytes = 32.0 * 2 * Double(weights.attention + weights.expert)
        #expect(token.count > bytes / (step.cluster.gpu.memoryBandwidthGBPerSecond * 1e9))
    }
}
