import ApusBase
import ApusPlan

@testable import ApusPlanner

/// Problems small enough to price every strategy of theirs one by one.
enum SmallProblems {
    static let seeds: ClosedRange<UInt64> = 1...6

    static func problem(seed: UInt64, lengths: [Int] = [512], ranks: Int = 4) -> SearchProblem {
        var generator = SeededGenerator(seed: seed)
        let hasExperts = seed % 3 != 0
        let heads = [4, 6, 8].randomElement(using: &generator) ?? 4
        var model = Model(
            layerCount: .random(in: 3...7, using: &generator), hiddenSize: 64 * heads,
            headCount: heads, keyValueHeadCount: heads / 2, headDim: 64,
            expertCount: hasExperts ? [2, 4, 6].randomElement(using: &generator) ?? 4 : 0,
            topK: hasExperts ? 2 : 0, expertHiddenSize: 512, vocabularySize: 8000,
            tiesEmbeddings: .random(using: &generator))
        if hasExperts, Bool.random(using: &generator) {
            model.denseLayers = [0]
            model.sharedExpertHiddenSize = 512
        }
        model.denseHiddenSize = 2048
        let gpu = GPU(
            name: "test", peakTeraFLOPs: [.bf16: 100, .fp32: 20, .tf32: 50],
            memoryGB: [2, 3, 40][Int(seed % 3)],
            memoryBandwidthGBPerSecond: 1000)
        let perNode = ranks / 2
        let links = [
            Link(
                level: "node", gpuCount: perNode, bandwidthGBPerSecond: 200, latencyMicroseconds: 3),
            Link(
                level: "cluster", gpuCount: ranks, bandwidthGBPerSecond: 25, latencyMicroseconds: 8),
        ]
        let cluster = Cluster(
            nodeCount: 2, gpusPerNode: perNode, gpu: gpu, links: links)
        let workload = Workload(
            sequencesPerBatch: [8, 12].randomElement(using: &generator) ?? 8,
            sequenceLengths: lengths)
        return SearchProblem(model: model, cluster: cluster, workload: workload)
    }
}

extension SearchSpace {
    /// Every strategy of the space, written out without any of the search's short cuts.
    var strategies: [Strategy] {
        var result: [Strategy] = []
        for slicing in slicings {
            for (pipeline, data) in pipelines(slicing) {
                let base = Strategy(degrees: slicing.degrees(pipeline: pipeline, data: data))
                result += schedules(base).flatMap(variants)
            }
        }
        return result
    }

    private func schedules(_ base: Strategy) -> [Strategy] {
        let share = sequences / base.degrees.data
        var result: [Strategy] = []
        for size in 1...share where share.isMultiple(of: size) {
            for split in Split.all(pipeline: base.degrees.pipeline, model: model) {
                for schedule in split.schedules
                where Split.allows(
                    schedule, microBatches: share / size, pipeline: base.degrees.pipeline)
                {
                    var strategy = base
                    strategy.microBatchSize = size
                    strategy.schedule = schedule
                    strategy.chunks = split.chunks
                    result.append(strategy)
                }
            }
        }
        return result
    }

    private func variants(_ base: Strategy) -> [Strategy] {
        var result: [Strategy] = []
        for zeroStage in zeroStages(base.degrees) {
            for recompute in Plan.Recompute.allCases {
                for isSequenceParallel in sequenceParallel(Slicing(base.degrees)) {
                    for placement in placements(pipeline: base.degrees.pipeline) {
                        for overlap in overlaps {
                            var strategy = base
                            strategy.zeroStage = zeroStage
                            strategy.recompute = recompute
                            strategy.sequenceParallel = isSequenceParallel
                            strategy.placement = placement
                            strategy.overlap = overlap
                            result.append(strategy)
                        }
                    }
                }
            }
        }
        return result
    }
}

extension ParetoFront.Box {
    init(_ candidate: Candidate) {
        self.init(
            time: candidate.stepTime.count, memory: Double(candidate.memory.count),
            firstToken: candidate.timeToFirstToken.count)
    }
}
