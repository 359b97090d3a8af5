package import ApusPlan

/// How a layout compares with one rank.
package struct LayoutVerdict: Sendable {
    /// Scaled down, with the one bucket that was run, or with those that were run in turn.
    package var plan: Plan
    /// What the bucket was scaled from, such as `up to 4096`.
    package var name: String
    package var tolerance: Tolerance
    package var loss: Double
    package var gradients: Double
    package var parameters: Double
    package var norm: Double
    /// Gradients and weights by kind, in the order of `StoredParameter.Kind`.
    package var groups: [Group]
    /// Whether every number has the bits that one rank computes.
    package var isBitwise: Bool
    /// The first that is further away than the limit allows, in words.
    package var mismatch: String?
    package var seed: Int
    /// How close a router came to a tie.
    package var tieDistance: Double
    package var seconds: Double

    /// The weights of one kind, with the greatest distance over its tensors.
    package struct Group: Sendable {
        package var kind: StoredParameter.Kind
        package var gradients: Double
        package var parameters: Double
    }

    package var passes: Bool { mismatch == nil }

    init(
        _ layout: Layout, model: Model, outcome: Outcome, reference: Outcome, seed: Int,
        tieDistance: Double, seconds: Double
    ) {
        plan = layout.plan
        name = layout.name
        self.seed = seed
        self.tieDistance = tieDistance
        self.seconds = seconds
        tolerance = Tolerance(tensorParallel: layout.tensorParallelMax)
        loss = relativeDistance(outcome.losses, from: reference.losses)
        let norms = reference.gradientNorms.first ?? []
        norm = outcome.gradientNorms.map { relativeDistance($0, from: norms) }.max() ?? .infinity
        var distances = Distances(outcome, reference)
        for parameter in model.parameters {
            for piece in parameter.pieces { distances.add(piece.name, parameter.kind) }
        }
        groups = distances.groups
        gradients = groups.map(\.gradients).max() ?? 0
        parameters = groups.map(\.parameters).max() ?? 0
        isBitwise =
            outcome.losses == reference.losses && outcome.gradients == reference.gradients
            && outcome.parameters == reference.parameters
        mismatch =
            distances.firstMismatch(tolerance)
            ?? Self.mismatch(outcome, loss: loss, norm: norm, tolerance)
    }

    /// What is wrong beside the tensors themselves.
    private static func mismatch(
        _ outcome: Outcome, loss: Double, norm: Double, _ tolerance: Tolerance
    ) -> String? {
        if let name = outcome.differingCopies.min() {
            return "two ranks hold different copies of `\(name)`"
        }
        if !(loss <= tolerance.loss) { return "the loss is off by \(loss)" }
        if !(norm <= tolerance.norm) { return "the gradient norm is off by \(norm)" }
        guard let first = outcome.gradientNorms.first,
            outcome.gradientNorms.allSatisfy({ $0 == first })
        else { return "ranks disagree about the gradient norm" }
        return nil
    }
}

/// Distances of tensors as they are added, in the order of the model.
private struct Distances {
    private let outcome: Outcome
    private let reference: Outcome
    private var entries: [(name: String, kind: StoredParameter.Kind, Double, Double)] = []

    init(_ outcome: Outcome, _ reference: Outcome) {
        self.outcome = outcome
        self.reference = reference
    }

    mutating func add(_ name: String, _ kind: StoredParameter.Kind) {
        let gradient = relativeDistance(
            outcome.gradients[name], from: reference.gradients[name])
        let parameter = relativeDistance(
            outcome.parameters[name], from: reference.parameters[name])
        entries.append((name, kind, gradient, parameter))
    }

    var groups: [LayoutVerdict.Group] {
        StoredParameter.Kind.allCases.compactMap { kind in
            let own = entries.filter { $0.kind == kind }
            guard let gradients = own.map(\.2).max(), let parameters = own.map(\.3).max() else {
                return nil
            }
            return LayoutVerdict.Group(kind: kind, gradients: gradients, parameters: parameters)
        }
    }

    /// The first tensor that is too far away: gradients come before what is computed with them.
    func firstMismatch(_ tolerance: Tolerance) -> String? {
        if let entry = entries.first(where: { !($0.2 <= tolerance.gradients) }) {
            return "the gradient of `\(entry.name)` is off by \(entry.2)"
        }
        if let entry = entries.first(where: { !($0.3 <= tolerance.parameters) }) {
            return "`\(entry.name)` is off by \(entry.3) after the last step"
        }
        return nil
    }
}
