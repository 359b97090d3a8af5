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
            time(islands.cost(of: run.island).forward.work) + pricer.islandTime(.forward)
        case .backward(let run):
            time(islands.cost(of: run.island).backward.work) + pricer.islandTime(.backward)
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

    private func collective(_ kind: Collective, _ payload: Double, on queue: Queue) -> Seconds {
        switch queue {
        case .group(let axis):
            spans[axis].map { network.time(kind, payload: payload, span: $0) } ?? .zero
        case .activationsIn, .activationsOut, .gradientsIn, .gradientsOut:
            network.time(.pointToPoint, payload: payload, span: pipeline)
        }
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
    private let residual: PartCost
    private let head: PartCost

    init(_ pricer: LayerPricer) {
        embedding = pricer.embedding()
        norm = pricer.attentionNorm()
        heads = pricer.heads()
        router = pricer.attentionResidual() + pricer.router()
        attention = norm + heads + router
        experts = pricer.routedExperts()
        residual = pricer.combination()
        head = pricer.head()
    }

    func cost(of island: Island) -> PartCost {
        switch island {
        case .embedding: embedding
        case .attention: attention
        case .norm: norm
        case .heads: heads
        case .router: router
        case .experts: experts
        case .residual: residual
        case .head: head
        }
    }
}
