package import ApusBase
package import ApusPlan

/// What travels between ranks; equal payloads on two ranks belong together.
package enum Payload: Hashable, Sendable {
    /// Hidden states of a micro-batch that enter a virtual stage.
    case activation(into: Int, microBatch: Int)
    /// Their gradient, back to the virtual stage before it.
    case activationGradient(into: Int, microBatch: Int)
    /// Normed states of a rank's tokens, to all ranks of its slice group.
    case gather(Sublayer, layer: Int, microBatch: Int)
    /// The partial outputs of attention or feed-forward, summed, to the rank that holds the token.
    case scatter(Sublayer, layer: Int, microBatch: Int)
    /// The gradient of that output, to all ranks of the slice group.
    case scatterGradient(Sublayer, layer: Int, microBatch: Int)
    /// The partial gradients of normed states, summed, to the rank that holds the token.
    case gatherGradient(Sublayer, layer: Int, microBatch: Int)
    /// How many rows each rank has for each expert.
    case counts(layer: Int, microBatch: Int)
    /// Rows to the ranks that hold their experts.
    case dispatch(layer: Int, microBatch: Int)
    /// Rows back to the ranks that sent them.
    case combine(layer: Int, microBatch: Int)
    /// The gradient of returned rows, to the ranks that hold the experts.
    case combineGradient(layer: Int, microBatch: Int)
    /// The gradient of dispatched rows, back to the ranks that sent them.
    case dispatchGradient(layer: Int, microBatch: Int)
    /// Weight gradients of one bucket, summed over the ranks that hold the weights.
    case gradients(bucket: Int)
    /// Updated weights of a sharded bucket, to all ranks that hold them.
    case weights(bucket: Int)
    /// Loss, squared norms and expert loads of the step, summed over all ranks.
    case statistics
}

/// The half of a layer that tensor parallelism slices.
package enum Sublayer: String, Hashable, Sendable, CaseIterable {
    case attention
    case feedForward = "feed_forward"
}

/// The side of a transfer that a rank is on.
package enum Role: String, Hashable, Sendable {
    case send, receive
    /// A collective, in which all ranks do the same.
    case join
}

/// A communication as one rank sees it: a start and a wait on a named queue refer to it.
package struct Transfer: Hashable, Sendable {
    /// What tells one transfer from any other in flight on the same rank.
    package struct ID: Hashable, Sendable {
        package var payload: Payload
        package var role: Role
    }

    package var id: ID
    package var queue: Queue
    /// The value that is sent; absent where the data lies in the rank's own buffers.
    package var source: Slot?
    package var destination: Slot?
    /// The decision whose counts say how rows are split.
    package var routing: Slot?
    /// Planned bytes that leave or enter this rank, the local share of an all-to-all included.
    package var size: Bytes
}

/// A first-in-first-out lane for transfers; each has a communicator of its own.
///
/// Point-to-point messages have one communicator per boundary between virtual stages and direction,
/// because NCCL matches them by order alone. Both ends of a boundary call it by one name.
package enum Queue: Hashable, Comparable, Sendable {
    /// Hidden states into a virtual stage.
    case activations(into: Int)
    /// Gradients of what entered a virtual stage, back to the one before it.
    case gradients(into: Int)
    case group(Axis)

    /// The name that programs and messages use.
    package var name: String {
        switch self {
        case .activations(let index): "activations/\(index)"
        case .gradients(let index): "gradients/\(index)"
        case .group(let axis): axis.rawValue
        }
    }
}
