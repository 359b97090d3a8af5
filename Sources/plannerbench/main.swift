import ApusBase
import ApusCost
import ApusPlan
import ApusPlanner

func cluster(_ gpu: String, nodes: Int) -> Cluster {
    Cluster(nodeCount: nodes, gpusPerNode: 8, gpu: GPU.preset(gpu)!, links: [])
}
func gpt3() -> Model {
    var m = Model(layerCount: 96, hiddenSize: 12288, headCount: 96, keyValueHeadCount: 96, headDim: 128, expertCount: 0, topK: 1, expertHiddenSize: 0, vocabularySize: 51200, tiesEmbeddings: true)
    m.family = .gpt2; m.denseHiddenSize = 49152; m.isGated = false; m.norm = .layer; m.learnedPositions = 2048
    return m
}
func dsv3() -> Model {
    var m = Model(layerCount: 61, hiddenSize: 7168, headCount: 128, keyValueHeadCount: 128, headDim: 192, expertCount: 256, topK: 8, expertHiddenSize: 2048, vocabularySize: 129280, tiesEmbeddings: false)
    m.family = .deepSeekV3; m.denseLayers = [0,1,2]; m.denseHiddenSize = 18432; m.sharedExpertHiddenSize = 2048
    m.latentAttention = .init(queryRank: 1536, keyValueRank: 512, plainHeadDim: 128, rotaryHeadDim: 64, valueHeadDim: 128)
    return m
}
let args = CommandLine.arguments
let problem = args[1] == "gpt3"
    ? SearchProblem(model: gpt3(), cluster: cluster("a100-80gb", nodes: 512), workload: Workload(sequencesPerBatch: 4096, sequenceLengths: [2048]))
    : SearchProblem(model: dsv3(), cluster: cluster("h800-sxm", nodes: 256), workload: Workload(sequencesPerBatch: 15360, sequenceLengths: [4096], precision: .fp8))
var options = Planner.Options()
if args.contains("full") { options.isPruning = false }
let clock = ContinuousClock()
var answer: Planner.Answer!
let t = clock.measure { answer = Planner(problem).search(length: problem.workload.sequenceLengths[0], options) }
print(t, answer.counts, "front", answer.front.count)
for c in answer.ranked { let s = c.strategy; print(c.stepTime, c.memory, c.timeToFirstToken, "pp\(s.degrees.pipeline) dp\(s.degrees.data) cp\(s.degrees.context) tp\(s.degrees.tensor) ep\(s.degrees.expert) etp\(s.degrees.expertTensor) mbs\(s.microBatchSize) \(s.schedule) c\(s.chunks) z\(s.zeroStage) \(s.recompute) sp\(s.sequenceParallel) ov\(s.overlap) \(s.placement)") }
if args.contains("front") { for c in answer.front { let s = c.strategy; print(c.stepTime, c.memory, c.timeToFirstToken, "pp\(s.degrees.pipeline) dp\(s.degrees.data) cp\(s.degrees.context) tp\(s.degrees.tensor) ep\(s.degrees.expert) etp\(s.degrees.expertTensor) mbs\(s.microBatchSize) \(s.schedule) c\(s.chunks) z\(s.zeroStage) \(s.recompute) sp\(s.sequenceParallel) ov\(s.overlap) \(s.placement)") } }
