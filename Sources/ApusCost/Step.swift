package import ApusPlan

/// One training step to be priced: a model under a plan on a cluster, with sequences of one length.
package struct Step: Hashable, Sendable {
    package var model: Model
    package var cluster: Cluster
    package var workload: Workload
    package var routing: Routing
    package var plan: Plan
    package var bucket: Plan.Bucket
    /// Tokens of one sequence.
    package var sequenceLength: Int
    /// How the software carries the plan out: where nothing else is said, with the overlap that the
    /// plan asks for.
    package var implementation: Implementation

    package init(
        model: Model, cluster: Cluster, workload: Workload, routing: Routing = Routing(),
        plan: Plan, bucket: Plan.Bucket, sequenceLength: Int,
        implementation: Implementation? = nil
    ) {
        self.model = model
        self.cluster = cluster
        self.workload = workload
        self.routing = routing
        self.plan = plan
        self.bucket = bucket
        self.sequenceLength = sequenceLength
        self.implementation = implementation ?? .standard(for: plan)
    }

    /// The degrees of the bucket: its extra tensor degree is carved out of the data axis.
    package var degrees: Degrees { plan.degrees.carving(tensor: bucket.tensorParallel) }

    /// Sequences of one micro-batch of one batch replica.
    package var sequencesPerMicroBatch: Int {
        max(1, bucket.sequencesPerDataRank / max(1, bucket.microBatches))
    }

    /// Sequences of one flush of the pipeline over all batch replicas.
    package var sequencesPerFlush: Int { bucket.sequencesPerDataRank * degrees.data }

    /// How many times the bucket's sequences make up the global batch, rounded up.
    package var accumulation: Int {
        max(1, (workload.sequencesPerBatch + sequencesPerFlush - 1) / sequencesPerFlush)
    }

    /// Micro-batches of a whole step on one pipeline: accumulation extends the flush.
    package var microBatches: Int {
        bucket.microBatchesPerFlush * accumulation
    }

    /// Sequences of a whole step.
    package var sequences: Int { sequencesPerFlush * accumulation }

    /// Whether tensor ranks share out the tokens of norms too; ranks of a tensor degree carved out
    /// of the data axis always do.
    package var isSequenceParallel: Bool {
        plan.sequenceParallel || bucket.tensorParallel > plan.degrees.tensor
    }

    /// Tokens of a whole step.
    package var tokens: Int { sequences * sequenceLength }

    /// Tokens of one micro-batch that one context rank holds, all its tensor ranks together.
    package var tokensPerMicroBatch: Int {
        sequencesPerMicroBatch * sequenceLength / degrees.context
    }

    /// The share of assignments that the capacity leaves room for when all experts get the same.
    ///
    /// Rows over the capacity are dropped, or routed to places within it; a buffer holds them all.
    package var keptShare: Double {
        keptHeadroom.map { min(1, $0) } ?? 1
    }

    /// Rows that the busiest rank's experts keep ÷ rows that they would keep in balance.
    package var expertImbalance: Double {
        keptHeadroom.map { min(routing.imbalance, max(1, $0)) } ?? routing.imbalance
    }

    /// The limit on what an expert keeps, in balanced shares; a buffer takes what is over it.
    private var keptHeadroom: Double? {
        routing.overflow.contains(.buffer) ? nil : routing.headroom(topK: model.topK)
    }
}
