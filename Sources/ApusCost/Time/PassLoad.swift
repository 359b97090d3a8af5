import ApusBase
package import ApusPlan

/// A pass as far as its time in a step depends on it.
///
/// A search adds up millions of passes, so they are one vector.
package struct PassLoad: Hashable, Sendable {
    /// Work, launches, tensor collectives exposed without and with overlap, context exchange and
    /// expert exchange; then work and launches for weight gradients, which the work contains.
    private var values: SIMD8<Double>

    package static let zero = PassLoad(values: .zero)

    private init(values: SIMD8<Double>) { self.values = values }

    /// A pass that contains the work for weight gradients.
    init(_ pass: PassCost, weight: Work = .zero) {
        values = [
            pass.work.time.count, Double(pass.work.launches), pass.tensorExposed.count,
            pass.tensorOverlapped.count, pass.contextExposed.count, pass.expert.count,
            weight.time.count, Double(weight.launches),
        ]
    }

    var work: Double { values[0] }
    var launches: Double { values[1] }
    var tensorExposed: Double { values[2] }
    var tensorOverlapped: Double { values[3] }
    var contextExposed: Double { values[4] }
    var expert: Double { values[5] }
    var weightWork: Double { values[6] }
    var weightLaunches: Double { values[7] }

    package static func + (left: PassLoad, right: PassLoad) -> PassLoad {
        PassLoad(values: left.values + right.values)
    }

    package static func += (left: inout PassLoad, right: PassLoad) { left = left + right }

    static func * (factor: Double, load: PassLoad) -> PassLoad {
        PassLoad(values: factor * load.values)
    }
}

/// A part of a layer as far as its time in a step depends on it.
package struct PartLoad: Hashable, Sendable {
    package var forward = PassLoad.zero
    package var backward = PassLoad.zero

    package init() {}

    package init(_ cost: PartCost) {
        forward = PassLoad(cost.forward)
        backward = PassLoad(cost.backward, weight: cost.backwardWeight.work)
    }

    package static func + (left: PartLoad, right: PartLoad) -> PartLoad {
        var sum = left
        sum.forward += right.forward
        sum.backward += right.backward
        return sum
    }

    static func * (factor: Double, part: PartLoad) -> PartLoad {
        var product = part
        product.forward = factor * part.forward
        product.backward = factor * part.backward
        return product
    }

    /// See `PartCost.recomputed`.
    package func recomputed(
        _ recompute: Plan.Recompute, selectively selective: PassLoad
    ) -> PartLoad {
        var result = self
        switch recompute {
        case .none: break
        case .full: result.backward += forward
        case .selective: result.backward += selective
        }
        return result
    }
}

/// What each part of a model loads on a rank for one micro-batch; see `LayerCosts`.
package struct LayerLoads: Hashable, Sendable {
    package var dense = PartLoad()
    package var expert = PartLoad()
    package var embedding = PartLoad()
    package var head = PartLoad()

    package init() {}

    /// The parts of a stage, added up.
    func part(of layers: StageLayers) -> PartLoad {
        var load = Double(layers.dense) * dense
        if layers.sparse > 0 { load = load + Double(layers.sparse) * expert }
        if layers.hasEmbedding { load = load + embedding }
        if layers.hasHead { load = load + head }
        return load
    }
}

extension LayerLoads {
    /// Seconds that one micro-batch takes at least on a stage with these layers.
    package func least(of layers: StageLayers) -> Double {
        let part = part(of: layers)
        return StagePricer.least(part.forward) + StagePricer.least(part.backward)
    }
}

extension PassCost {
    package var load: PassLoad { PassLoad(self) }
}
