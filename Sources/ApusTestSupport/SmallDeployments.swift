package import ApusPlan

extension Model {
    /// A model that one core trains in a moment and that every small layout divides.
    package static func small(
        layerCount: Int = 4, expertCount: Int = 4, topK: Int = 2, tiesEmbeddings: Bool = false
    ) -> Model {
        Model(
            layerCount: layerCount, hiddenSize: 64, headCount: 4, keyValueHeadCount: 2, headDim: 16,
            expertCount: expertCount, topK: topK, expertHiddenSize: 96, vocabularySize: 512,
            tiesEmbeddings: tiesEmbeddings)
    }
}

extension GPU {
    /// The preset that most tests take.
    package static var h100: GPU {
        guard let gpu = GPU(named: "h100-sxm") else { preconditionFailure("it is in the table") }
        return gpu
    }
}

extension Plan {
    /// A plan with one bucket for all lengths.
    package static func small(
        pipeline: Int = 1, data: Int = 1, expert: Int = 1,
        schedule: Schedule = .oneForwardOneBackward, microBatches: Int = 4,
        sequencesPerDataRank: Int = 4, recompute: Recompute = .none
    ) -> Plan {
        Plan(
            degrees: Degrees(pipeline: pipeline, data: data, expert: expert), schedule: schedule,
            buckets: [
                Bucket(
                    lengthMax: nil, microBatches: microBatches,
                    sequencesPerDataRank: sequencesPerDataRank, tensorParallel: 1,
                    recompute: recompute)
            ])
    }
}

extension Deployment {
    /// A deployment of the small model that the runtime executes as it is.
    ///
    /// The cluster is one node with as many devices as the plan has ranks.
    package static func small(
        pipeline: Int = 1, data: Int = 1, expert: Int = 1,
        schedule: Plan.Schedule = .oneForwardOneBackward, microBatches: Int = 4,
        sequencesPerDataRank: Int = 4, recompute: Plan.Recompute = .none, model: Model = .small()
    ) -> Deployment {
        let plan = Plan.small(
            pipeline: pipeline, data: data, expert: expert, schedule: schedule,
            microBatches: microBatches, sequencesPerDataRank: sequencesPerDataRank,
            recompute: recompute)
        let sequences = sequencesPerDataRank * data
        return Deployment(
            model: model,
            cluster: Cluster(
                nodeCount: 1, gpusPerNode: plan.degrees.worldSize,
                gpu: GPU(
                    name: "core", peakTeraFLOPs: [.fp32: 0.1], memoryGB: 4,
                    memoryBandwidthGBPerSecond: 10),
                links: []),
            workload: Workload(
                sequencesPerBatch: sequences, sequenceLengths: [16], precision: .fp32),
            plan: plan, routing: Routing(), claims: [],
            run: RunSettings(sequenceLength: 16, sequencesPerStep: sequences))
    }
}
