package import ApusBase
import ApusPlan
package import ApusProgram

/// Prices the instructions of a compiled program, with the same parts as the closed form.
package struct InstructionPricer: Sendable {
    private let pricer: LayerPricer
    private let network: Network
    private let spans: [Axis: GroupSpan]
    private let pipeline: GroupSpan
    private let islands: IslandCosts
    private let parts: LayerParts
    private let launch: Seconds
    private let isSharded: Bool
    private let model: Model
    private let mesh: Mesh
    private let updateBytesPerWeight: Int

    package init(program: Program, step: Step, model: CostModel) {
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
        islands = IslandCosts(pricer)
        parts = program.parts
        launch = step.implementation.launchTime
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
            time(cost(of: run.island).forward.work)
        case .backward(let run):
            time(backwardWork(of: run))
        case .weightBackward(let run):
            time(cost(of: run.island).backwardWeight.work)
        case .zeroGradients:
            pricer.elementwiseTime(bytes: Double(weights(of: programClass) * 4)).time
        case .optimizerStep:
            pricer.elementwiseTime(
                bytes: Double(updated(by: programClass) * updateBytesPerWeight)
            ).time
        case .start, .wait, .free, .gradientNorm:
            .zero
        }
    }

    /// How long a transfer is on the wire once both sides are there.
    package func duration(of transfer: Transfer) -> Seconds {
        let payload = Double(transfer.size.count)
        switch transfer.id.payload {
        case .activation, .activationGradient:
            return network.time(.pointToPoint, payload: payload, span: pipeline)
        case .gather, .scatterGradient, .counts, .weights:
            return collective(.allGather, payload, on: transfer.queue)
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

    private func collective(_ kind: Collective, _ payload: Double, on queue: Queue) -> Seconds {
        switch queue {
        case .group(let axis):
            spans[axis].map { network.time(kind, payload: payload, span: $0) } ?? .zero
        case .activations, .gradients:
            network.time(.pointToPoint, payload: payload, span: pipeline)
        }
    }

    private func cost(of island: Island) -> PartCost {
        islands.cost(of: island, isDense: parts.isDense(island.layer))
    }

    /// The whole backward, or its half for the inputs where it is split.
    private func backwardWork(of run: Backward) -> Work {
        let cost = cost(of: run.island)
        return run.factors == nil ? cost.backward.work : cost.backwardInput.work
    }

    private func time(_ work: Work) -> Seconds { max(work.time, Double(work.launches) * launch) }

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

/// The price of each kind of island; layers of one kind cost the same.
private struct IslandCosts: Sendable {
    private let embedding: PartCost
    private let attention: PartCost
    private let norm: PartCost
    private let heads: PartCost
    private let router: PartCost
    private let experts: PartCost
    private let dense: PartCost
    private let shared: PartCost
    private let attentionResidual: PartCost
    private let residual: PartCost
    private let head: PartCost

    init(_ pricer: LayerPricer) {
        embedding = pricer.embedding()
        norm = pricer.attentionNorm()
        heads = pricer.heads()
        attentionResidual = pricer.attentionResidual()
        router = attentionResidual + pricer.router()
        dense = pricer.denseFeedForward()
        shared = pricer.sharedExperts()
        attention = norm + heads + router
        experts = pricer.routedExperts()
        residual = pricer.combination()
        head = pricer.head()
    }

    /// A dense layer's norm and residual sum are counted with its feed-forward.
    func cost(of island: Island, isDense: Bool) -> PartCost {
        switch island {
        case .embedding: embedding
        case .attention: isDense ? norm + heads + attentionResidual : attention
        case .norm: norm
        case .heads: heads
        case .router: isDense ? attentionResidual : router
        case .experts: experts
        case .feedForward: isDense ? dense : shared
        case .residual: isDense ? PartCost() : residual
        case .head: head
        }
    }
}
