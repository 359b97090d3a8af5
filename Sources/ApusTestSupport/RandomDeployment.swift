package import ApusBase
package import ApusPlan

extension Deployment {
    /// A random deployment without problems of severity `error`, using every value that exists.
    ///
    /// Degrees are small, so that its world size stays below a few thousand ranks.
    package static func random(using generator: inout SeededGenerator) -> Deployment {
        let degrees = Degrees.random(using: &generator)
        let model = Model.random(for: degrees, using: &generator)
        let lengths = [16, 100, 4096, 10_240].shuffled(using: &generator)
            .prefix(Int.random(in: 1...4, using: &generator))
        let workload = Workload(
            kind: .oneOf(&generator), sequencesPerBatch: .random(in: 1...4096, using: &generator),
            sequenceLengths: Array(lengths),
            lengthWeights: Bool.random(using: &generator)
                ? lengths.map { _ in 0.1 + generator.nextUnit() } : nil,
            precision: .oneOf(&generator), optimizer: .oneOf(&generator),
            optimizerPrecision: .oneOf(&generator))
        let hasPlan = Int.random(in: 0..<8, using: &generator) > 0
        let plan = Plan.random(
            degrees, model: model, longest: lengths.max() ?? 16, using: &generator)
        let isInherited = Bool.random(using: &generator)
        return Deployment(
            model: model, cluster: Cluster.random(for: degrees, using: &generator),
            workload: workload, plan: hasPlan ? plan : nil,
            routing: Routing.random(topK: model.topK, using: &generator),
            claims: Claim.examples.shuffled(using: &generator),
            run: isInherited
                ? RunSettings(
                    precision: workload.precision, sequenceLength: workload.sequenceLengths[0],
                    sequencesPerStep: workload.sequencesPerBatch)
                : RunSettings.random(using: &generator))
    }
}

extension CaseIterable {
    fileprivate static func oneOf(_ generator: inout SeededGenerator) -> Self {
        guard let choice = allCases.randomElement(using: &generator) else {
            preconditionFailure("an enumeration of choices has a case")
        }
        return choice
    }
}

extension Degrees {
    fileprivate static func random(using generator: inout SeededGenerator) -> Degrees {
        func power(_ upTo: Int, _ generator: inout SeededGenerator) -> Int {
            1 << Int.random(in: 0...upTo, using: &generator)
        }
        var degrees = Degrees(
            pipeline: Int.random(in: 1...6, using: &generator), data: power(3, &generator),
            context: power(1, &generator), tensor: power(2, &generator))
        var rest = degrees.stageSize
        degrees.expert = min(rest, power(3, &generator))
        rest /= degrees.expert
        degrees.expertTensor = min(rest, power(1, &generator))
        return degrees
    }
}

extension Cluster {
    fileprivate static func random(
        for degrees: Degrees, using generator: inout SeededGenerator
    ) -> Cluster? {
        guard Int.random(in: 0..<8, using: &generator) > 0 else { return nil }
        let gpu = GPU.presets.randomElement(using: &generator)
        let own = GPU(
            name: "it's \"new\": #1", peakTeraFLOPs: [.fp8: 1000 * generator.nextUnit() + 1],
            memoryGB: 64 * generator.nextUnit() + 1, memoryBandwidthGBPerSecond: 1800.5)
        let link = Link(
            level: "node", gpuCount: degrees.worldSize, bandwidthGBPerSecond: 300 / 7.0,
            latencyMicroseconds: 0)
        return Cluster(
            nodeCount: degrees.pipeline, gpusPerNode: degrees.stageSize,
            gpu: Bool.random(using: &generator) ? gpu ?? own : own,
            links: Bool.random(using: &generator) ? [link] : [],
            cores: Bool.random(using: &generator) ? 2 : nil)
    }
}

extension Plan {
    fileprivate static func random(
        _ degrees: Degrees, model: Model, longest: Int, using generator: inout SeededGenerator
    ) -> Plan {
        let schedule = Schedule.generated.randomElement(using: &generator) ?? .gpipe
        let chunks = schedule == .interleaved ? 2 : 1
        let stages = degrees.pipeline * chunks
        var layers = Array(repeating: 1, count: stages)
        layers[0] += model.layerCount - stages
        let batches = Int.random(in: 1...8, using: &generator)
        func bucket(_ lengthMax: Int?, tensor: Int) -> Bucket {
            Bucket(
                lengthMax: lengthMax, microBatches: batches,
                sequencesPerDataRank: batches * Int.random(in: 1...4, using: &generator),
                tensorParallel: tensor, recompute: .oneOf(&generator))
        }
        let carved = degrees.data > 1 ? 2 * degrees.tensor : degrees.tensor
        let isOne = Bool.random(using: &generator)
        return Plan(
            degrees: degrees, schedule: schedule, chunksPerRank: chunks,
            zeroStage: .random(in: 0...3, using: &generator), pipelinePlacement: .oneOf(&generator),
            layersPerStage: Bool.random(using: &generator) ? layers : nil,
            sequenceParallel: .random(using: &generator), overlap: .random(using: &generator),
            hierarchicalReduce: .random(using: &generator),
            buckets: isOne
                ? [bucket(nil, tensor: Bool.random(using: &generator) ? carved : degrees.tensor)]
                : [bucket(longest / 2, tensor: degrees.tensor), bucket(longest, tensor: carved)])
    }
}

extension Routing {
    fileprivate static func random(topK: Int, using generator: inout SeededGenerator) -> Routing {
        let gates = Gate.allCases.filter { gate in
            gate == .switchTop1 ? topK == 1 : gate == .gshardTop2 ? topK == 2 : true
        }
        let capacity = Capacity.oneOf(&generator)
        let isLimited = capacity != .dropless
        return Routing(
            gate: gates.randomElement(using: &generator) ?? .softmaxTopK,
            noiseStandardDeviation: generator.nextUnit(), capacity: capacity,
            capacityFactor: isLimited ? 1 + generator.nextUnit() : 1,
            overflow: isLimited ? Overflow.allCases.shuffled(using: &generator) : [],
            balanceLoss: generator.nextUnit() / 10,
            imbalance: Bool.random(using: &generator) ? 1 : 1 + generator.nextUnit())
    }
}

extension Claim {
    /// A claim of each kind, with texts that are hard to write as YAML.
    fileprivate static let examples = [
        Claim(id: "total", quantity: "parameters", value: .number(10e9), sequenceLength: nil),
        Claim(id: "1", quantity: "bubble", value: .range(0.15, 0.2), sequenceLength: 128),
        Claim(
            id: "sum", quantity: "q", value: .number(3), sequenceLength: 16, formula: "16",
            terms: "1 + \"B\" × 2"),
        Claim(id: "fits: yes", quantity: "null", value: .truth(false), sequenceLength: 4096),
        Claim(
            id: "é – \u{85}\u{2028}\u{FEFF}", quantity: "launch_command",
            value: .text("a \"b\" \\ #c\n\td: {e} \u{1}\u{7F}😀 'f' *g &h"), sequenceLength: nil),
        Claim(id: "number", quantity: "text", value: .text("1e3"), sequenceLength: nil),
        Claim(id: "tiny", quantity: "q", value: .number(-1.0 / 3e9), sequenceLength: nil),
    ]
}

extension RunSettings {
    fileprivate static func random(using generator: inout SeededGenerator) -> RunSettings {
        RunSettings(
            seed: .random(in: 0...Int.max, using: &generator),
            steps: .random(in: 1...1000, using: &generator), learningRate: generator.nextUnit(),
            warmupSteps: .random(in: 0...10, using: &generator), weightDecay: generator.nextUnit(),
            gradientClip: generator.nextUnit(), precision: .oneOf(&generator),
            sequenceLength: .random(in: 1...8192, using: &generator),
            sequencesPerStep: .random(in: 1...512, using: &generator))
    }
}
