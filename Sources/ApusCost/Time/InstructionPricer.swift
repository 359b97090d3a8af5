package import ApusBase
import ApusPlan
package import ApusProgram

/// Prices the instructions of a compiled program, with the same parts as the closed form.
package struct InstructionPricer: Sendable {
    private let pricer: LayerPricer
    private let network: Network
    private let spans: [Axis: GroupSpan]
    private let pipeline: GroupSpan
    private let islands: IslandTimes
    /// The same where backward runs in two halves.
    private let splitIslands: IslandTimes
    /// Whether each layer is a dense one.
    private let isDense: [Bool]
    private let isSharded: Bool
    private let model: Model
    private let mesh: Mesh
    private let updateBytesPerWeight: Int
    private let program: Program
    private let step: Step
    private let costs: CostModel

    package init(program: Program, step: Step, model: CostModel) {
        self.program = program
        self.step = step
        costs = model
        pricer = model.layerPricer(for: step)
        network = model.network
        self.model = step.model
        mesh = program.mesh
        pipeline = pricer.layout.pipeline
        var spans: [Axis: GroupSpan] = [:]
        for axis in Axis.allCases {
            let ranks = program.mesh.group(axis, of: Rank(0))
            spans[axis] = GroupSpan(ranks, domain: model.domain)
        }
        self.spans = spans
        let launch = step.implementation.launchTime
        islands = IslandTimes(
            model.layerPricer(for: step, splitsBackward: false), launch: launch)
        splitIslands = IslandTimes(
            model.layerPricer(for: step, splitsBackward: true), launch: launch)
        isDense = (0..<step.model.layerCount).map(program.parts.isDense)
        isSharded = step.plan.zeroStage > 0
        updateBytesPerWeight = StatePricer.updateBytesPerWeight(step)
    }

    /// How long a rank of `programClass` computes for an instruction; a transfer takes no time of
    /// the rank itself.
    package func computation(
        _ instruction: Instruction, of programClass: ProgramClass
    ) -> Seconds {
        switch instruction {
        case .forward(let run):
            times(of: run.island).forward + pricer.islandTime(.forward)
        case .backward(let run) where run.factors != nil:
            times(of: run.island, isSplit: true).backwardInput + pricer.islandTime(.backward)
        case .backward(let run):
            times(of: run.island).backward + pricer.islandTime(.backward)
        case .weightBackward(let run):
            times(of: run.island, isSplit: true).backwardWeight
        case .zeroGradients:
            pricer.clearingTime(weights: weights(of: programClass), bytesPerWeight: 4)
        case .optimizerStep:
            pricer.updateTime(
                weights: updated(by: programClass), bytesPerWeight: updateBytesPerWeight)
        case .gradientNorm:
            pricer.normTime(weights: weights(of: programClass))
        case .start, .wait, .free:
            .zero
        }
    }

    /// What an island needs beside its slots while it computes; little but for the head.
    package func workspace(of run: Forward) -> Bytes {
        guard run.island == .head else { return .zero }
        return HeadChunks(tokens: program.shape.localTokens, model: model).workspace
    }

    /// How long a transfer is on the wire once both sides are there.
    package func duration(of transfer: Transfer) -> Seconds {
        let payload = Double(transfer.size.count)
        switch transfer.id.payload {
        case .activation, .activationGradient:
            return network.time(.pointToPoint, payload: payload, span: pipeline)
        case .gather, .scatterGradient, .weights:
            return collective(.allGather, payload, on: transfer.queue)
        case .counts:
            return collective(.allToAll, payload, on: transfer.queue)
        case .scatter, .gatherGradient:
            return collective(.reduceScatter, payload, on: transfer.queue)
        case .dispatch, .combine, .combineGradient, .dispatchGradient:
            return pricer.rowExchange(gathers: true)
        case .gradients:
            return collective(isSharded ? .reduceScatter : .allReduce, payload, on: transfer.queue)
        case .statistics:
            return collective(.allReduce, payload, on: transfer.queue)
        }
    }

    /// The share of its link's bandwidth that a transfer uses while nothing else does.
    package func bandwidthShare(of transfer: Transfer) -> Double {
        let kind: Collective
        switch transfer.id.payload {
        case .activation, .activationGradient: kind = .pointToPoint
        case .gather, .scatterGradient, .weights: kind = .allGather
        case .scatter, .gatherGradient: kind = .reduceScatter
        case .counts, .dispatch, .combine, .combineGradient, .dispatchGradient: kind = .allToAll
        case .gradients: kind = isSharded ? .reduceScatter : .allReduce
        case .statistics: kind = .allReduce
        }
        return network.bandwidthShare(
            kind, payload: Double(transfer.size.count), span: span(of: transfer.queue),
            in: duration(of: transfer))
    }

    /// The level of the cluster's network that a queue's transfers cross, from the innermost.
    package func level(of queue: Queue) -> Int {
        network.level(of: span(of: queue))
    }

    /// The prices where a rank's experts get `factor` times their even share of rows, as far as
    /// the capacity leaves room for them.
    package func withExpertRows(_ factor: Double) -> InstructionPricer {
        var other = step
        other.routing.imbalance = factor
        return InstructionPricer(program: program, step: other, model: costs)
    }

    private func collective(_ kind: Collective, _ payload: Double, on queue: Queue) -> Seconds {
        network.time(kind, payload: payload, span: span(of: queue))
    }

    private func span(of queue: Queue) -> GroupSpan {
        switch queue {
        case .group(let axis): spans[axis] ?? GroupSpan(ranks: 1, ranksPerNode: 1)
        case .activations, .gradients: pipeline
        }
    }

    private func times(of island: Island, isSplit: Bool = false) -> IslandTimes.Times {
        (isSplit ? splitIslands : islands).times(
            of: island, isDense: island.layer.map { isDense[$0] } ?? false)
    }

    private func weights(of programClass: ProgramClass) -> Int {
        programClass.parameterCount(in: model, mesh: mesh)
    }

    /// Weights that one rank of the class updates: where buckets are sharded, its share of them.
    private func updated(by programClass: ProgramClass) -> Int {
        let saved = programClass.buckets.filter(\.isSharded).map { bucket in
            let ranks = mesh.size(of: bucket.axis)
            return bucket.size.count / 4 * (ranks - 1) / ranks
        }
        return weights(of: programClass) - saved.reduce(0, +)
    }
}

/// The time of each kind of island; layers of one kind cost the same.
private struct IslandTimes: Sendable {
    struct Times: Sendable {
        var forward: Seconds
        /// The whole backward, recomputation of a part of the island included.
        var backward: Seconds
        /// Its two halves where it is split.
        var backwardInput: Seconds
        var backwardWeight: Seconds
    }

    private let embedding: Times
    private let attention: Times
    private let denseAttention: Times
    private let norm: Times
    private let heads: Times
    private let router: Times
    private let denseRouter: Times
    private let experts: Times
    private let dense: Times
    private let shared: Times
    private let residual: Times
    private let denseResidual: Times
    private let head: Times

    /// `launch` is what the host needs for each kernel.
    init(_ pricer: LayerPricer, launch: Seconds) {
        func times(_ cost: PartCost) -> Times {
            func time(_ work: Work) -> Seconds {
                max(work.time, Double(work.launches) * launch)
            }
            return Times(
                forward: time(cost.forward.work), backward: time(cost.backward.work),
                backwardInput: time((cost.backwardInput + cost.recomputation).work),
                backwardWeight: time(cost.backwardWeight.work))
        }
        let (before, within) = (pricer.attentionNorm(), pricer.heads())
        let after = pricer.attentionResidual()
        embedding = times(pricer.embedding())
        attention = times(before + within + after + pricer.router())
        denseAttention = times(before + within + after)
        norm = times(before)
        heads = times(within)
        router = times(after + pricer.router())
        denseRouter = times(after)
        experts = times(pricer.routedExperts())
        dense = times(pricer.denseFeedForward())
        shared = times(pricer.sharedExperts())
        residual = times(pricer.combination())
        denseResidual = times(PartCost())
        head = times(pricer.head())
    }

    /// A dense layer's second norm and residual sum are counted with its feed-forward.
    func times(of island: Island, isDense: Bool) -> Times {
        switch island {
        case .embedding: embedding
        case .attention: isDense ? denseAttention : attention
        case .norm: norm
        case .heads: heads
        case .router: isDense ? denseRouter : router
        case .experts: experts
        case .feedForward: isDense ? dense : shared
        case .residual: isDense ? denseResidual : residual
        case .head: head
        }
    }
}
