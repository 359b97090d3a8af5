import ApusBase
import ApusPlan

/// Where a payload has to travel, and what its slots have to hold.
struct TransferRule {
    /// How the planned size of a transfer follows from the sizes of its slots.
    enum Sizing {
        /// Each slot is as large as the transfer.
        case whole
        /// The destination is as large as the transfer, the source one rank's share of it.
        case gathering
        /// The source is as large as the transfer, the destination one rank's share of it.
        case scattering
        /// As large as the bucket that is reduced.
        case bucket(Bytes)
        /// The slots do not say it.
        case free
    }

    var role = Role.join
    var queue: Queue
    var source: Content?
    var destination: Content?
    var routing: Content?
    var sizing = Sizing.whole
}

extension ContentRules {
    /// The rule for a payload in a role, or `nil` where a class has no such bucket or boundary.
    func rule(for id: Transfer.ID, buckets: [GradientBucket]) -> TransferRule? {
        switch id.payload {
        case .activation(let index, let microBatch):
            let isSend = id.role == .send
            guard let layer = layer(atBoundary: index, isBefore: isSend) else { return nil }
            let value = content(.stream, layer, microBatch)
            return pointToPoint(isSend, .activations(into: index), value)
        case .activationGradient(let index, let microBatch):
            let isSend = id.role == .send
            guard let layer = layer(atBoundary: index, isBefore: !isSend) else { return nil }
            let value = content(.stream, layer, microBatch).gradient
            return pointToPoint(isSend, .gradients(into: index), value)
        case .gather(let half, let layer, let microBatch):
            return slices(half.entering, half.gathered, layer, microBatch, .gathering)
        case .scatter(let half, let layer, let microBatch):
            return slices(half.partial, half.leaving, layer, microBatch, .scattering)
        case .scatterGradient(let half, let layer, let microBatch):
            return slices(
                half.leaving, half.partial, layer, microBatch, .gathering, isGradient: true)
        case .gatherGradient(let half, let layer, let microBatch):
            return slices(
                half.gathered, half.entering, layer, microBatch, .scattering, isGradient: true)
        case .counts(let layer, let microBatch):
            return TransferRule(
                queue: .group(.expert), routing: decision(layer, microBatch, isCounted: false),
                sizing: .free)
        case .dispatch(let layer, let microBatch):
            return exchange(.rows, .arrived, layer, microBatch)
        case .combine(let layer, let microBatch):
            return exchange(.results, .returned, layer, microBatch)
        case .combineGradient(let layer, let microBatch):
            return exchange(.returned, .results, layer, microBatch, isGradient: true)
        case .dispatchGradient(let layer, let microBatch):
            return exchange(.arrived, .rows, layer, microBatch, isGradient: true)
        case .gradients(let bucket), .weights(let bucket):
            guard buckets.indices.contains(bucket) else { return nil }
            return TransferRule(
                queue: .group(buckets[bucket].axis), sizing: .bucket(buckets[bucket].size))
        case .statistics:
            return TransferRule(queue: .group(.world), sizing: .free)
        }
    }

    private func pointToPoint(_ isSend: Bool, _ queue: Queue, _ value: Content) -> TransferRule {
        TransferRule(
            role: isSend ? .send : .receive, queue: queue, source: isSend ? value : nil,
            destination: isSend ? nil : value)
    }

    private func slices(
        _ source: Content.Part, _ destination: Content.Part, _ layer: Int, _ microBatch: Int,
        _ sizing: TransferRule.Sizing, isGradient: Bool = false
    ) -> TransferRule {
        let from = content(source, layer, microBatch)
        let to = content(destination, layer, microBatch)
        return TransferRule(
            queue: .group(.tensor), source: isGradient ? from.gradient : from,
            destination: isGradient ? to.gradient : to, sizing: sizing)
    }

    private func exchange(
        _ source: Content.Part, _ destination: Content.Part, _ layer: Int, _ microBatch: Int,
        isGradient: Bool = false
    ) -> TransferRule {
        var rule = slices(source, destination, layer, microBatch, .whole, isGradient: isGradient)
        rule.queue = .group(.expert)
        rule.routing = decision(layer, microBatch, isCounted: true)
        return rule
    }
}

extension Sublayer {
    fileprivate var entering: Content.Part { self == .attention ? .normed : .entering }
    fileprivate var gathered: Content.Part { self == .attention ? .gathered : .enteringGathered }
    fileprivate var partial: Content.Part { self == .attention ? .partial : .leavingPartial }
    fileprivate var leaving: Content.Part { self == .attention ? .mixed : .leaving }
}

extension Payload {
    /// The layer and the micro-batch that it belongs to, where it belongs to one.
    var place: (layer: Int?, microBatch: Int?) {
        switch self {
        case .activation(_, let microBatch), .activationGradient(_, let microBatch):
            (nil, microBatch)
        case .gather(_, let layer, let microBatch), .scatter(_, let layer, let microBatch),
            .scatterGradient(_, let layer, let microBatch),
            .gatherGradient(_, let layer, let microBatch), .counts(let layer, let microBatch),
            .dispatch(let layer, let microBatch), .combine(let layer, let microBatch),
            .combineGradient(let layer, let microBatch),
            .dispatchGradient(let layer, let microBatch):
            (layer, microBatch)
        case .gradients, .weights, .statistics:
            (nil, nil)
        }
    }

    /// Whether it may travel a second time in a step: what a recomputation sends again.
    var isRepeatable: Bool {
        switch self {
        case .gather, .scatter, .dispatch, .combine: true
        case .activation, .activationGradient, .scatterGradient, .gatherGradient, .counts,
            .combineGradient, .dispatchGradient, .gradients, .weights, .statistics:
            false
        }
    }
}
