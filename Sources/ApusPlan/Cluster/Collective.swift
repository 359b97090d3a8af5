/// What a process group does together.
package enum Collective: String, Hashable, Sendable, CaseIterable {
    /// The payload is the buffer that every rank ends up with.
    case allReduce = "all_reduce"
    /// The payload is the whole buffer, of which each rank ends up with a share.
    case reduceScatter = "reduce_scatter"
    /// The payload is the gathered buffer.
    case allGather = "all_gather"
    /// The payload is what one rank sends in all, its own share included.
    case allToAll = "all_to_all"
    /// The payload is the message.
    case pointToPoint = "point_to_point"
}

/// A direction through the model.
package enum Pass: String, Hashable, Sendable, CaseIterable {
    case forward, backward
}
