package import ApusBase
import ApusCost
import ApusPlan

/// One thing that would make a strategy faster, priced before it is said.
package struct Advice: Hashable, Sendable {
    package var change: String
    /// By how much tokens per second and GPU grow.
    package var gain: Double
    /// What a rank then holds, where that is more than it has now.
    package var memory: Bytes?

    /// What would help a strategy, most first; nothing that gains less than `least`.
    ///
    /// Each change is one step away from the strategy: a link twice as fast, twice the batch, FP8,
    /// or what needs more memory than a rank has. Every one is predicted anew.
    package static func all(
        for strategy: PlannedStrategy, problem: SearchProblem, least: Double = 0.01
    ) -> [Advice] {
        let changes = Changes(strategy: strategy, problem: problem)
        let candidates =
            changes.fasterLinks + changes.moreMemory
            + [changes.largerBatch, changes.lowerPrecision]
            .compactMap(\.self)
        return candidates.filter { $0.gain >= least }.sorted { $0.gain > $1.gain }
    }
}

/// The changes that are tried, each with its prediction.
private struct Changes {
    let strategy: PlannedStrategy
    let problem: SearchProblem

    private func gain(_ changed: PlannedStrategy) -> Double {
        changed.tokensPerSecondPerGPU / strategy.tokensPerSecondPerGPU - 1
    }

    private func problem(cluster: Cluster? = nil, workload: Workload? = nil) -> SearchProblem {
        SearchProblem(
            model: problem.model, cluster: cluster ?? problem.cluster,
            workload: workload ?? problem.workload, routing: problem.routing)
    }

    var fasterLinks: [Advice] {
        let links = problem.cluster.linksOrDefault
        return links.indices.map { index in
            var cluster = problem.cluster
            cluster.links = links
            cluster.links[index].bandwidthGBPerSecond *= 2
            let changed = PlannedStrategy(strategy.plan, for: problem(cluster: cluster))
            let rate = plain(cluster.links[index].bandwidthGBPerSecond)
            return Advice(
                change: "link `\(links[index].level)` with \(rate) GB/s instead of "
                    + plain(links[index].bandwidthGBPerSecond),
                gain: gain(changed))
        }
    }

    /// Less recomputation, larger micro-batches and a lower ZeRO stage, where they do not fit.
    var moreMemory: [Advice] {
        var advice: [Advice] = []
        func consider(_ change: String, _ body: (inout Plan) -> Bool) {
            var plan = strategy.plan
            guard body(&plan) else { return }
            let changed = PlannedStrategy(plan, for: problem)
            guard changed.memoryPeak > problem.memoryLimit else { return }
            advice.append(
                Advice(change: change, gain: gain(changed), memory: changed.memoryPeak))
        }
        consider("no recomputation") { plan in
            let hasAny = plan.buckets.contains { $0.recompute != .none }
            for index in plan.buckets.indices { plan.buckets[index].recompute = .none }
            return hasAny
        }
        consider("micro-batches twice as large") { plan in
            var isChanged = false
            for index in plan.buckets.indices
            where plan.buckets[index].microBatches.isMultiple(of: 2)
                && allows(plan, microBatches: plan.buckets[index].microBatches / 2)
            {
                plan.buckets[index].microBatches /= 2
                isChanged = true
            }
            return isChanged
        }
        consider("a ZeRO stage less") { plan in
            plan.zeroStage -= 1
            return plan.zeroStage >= 0
        }
        return advice
    }

    private func allows(_ plan: Plan, microBatches: Int) -> Bool {
        Split.allows(
            plan.schedule, microBatches: microBatches, pipeline: plan.degrees.pipeline)
    }

    var largerBatch: Advice? {
        var workload = problem.workload
        guard workload.sequencesPerBatch <= FileSchema.sequences.upperBound / 2 else { return nil }
        workload.sequencesPerBatch *= 2
        var plan = strategy.plan
        for index in plan.buckets.indices {
            guard plan.buckets[index].microBatches <= 32_768 else { return nil }
            plan.buckets[index].sequencesPerDataRank *= 2
            plan.buckets[index].microBatches *= 2
        }
        let changed = PlannedStrategy(plan, for: problem(workload: workload))
        guard changed.memoryPeak <= problem.memoryLimit else { return nil }
        return Advice(
            change: "a batch of \(grouped(workload.sequencesPerBatch)) sequences instead of "
                + grouped(problem.workload.sequencesPerBatch),
            gain: gain(changed))
    }

    var lowerPrecision: Advice? {
        guard problem.workload.precision == .bf16 || problem.workload.precision == .fp16,
            problem.cluster.gpu.peakTeraFLOPs[.fp8] != nil
        else { return nil }
        var workload = problem.workload
        workload.precision = .fp8
        let changed = PlannedStrategy(strategy.plan, for: problem(workload: workload))
        guard changed.memoryPeak <= problem.memoryLimit else { return nil }
        return Advice(
            change: "products in fp8 instead of \(problem.workload.precision.rawValue)",
            gain: gain(changed))
    }
}
