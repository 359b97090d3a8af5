package import ApusBase
package import ApusPlan

/// Where each figure stands in the message that ranks add up once per step, in FP64 entries.
///
/// The loss, the requests to stop, one squared norm per weight, one load per layer and expert, and
/// four figures per rank.
package struct StatisticsLayout: Hashable, Sendable {
    package static let loss = 0
    package static let stopRequests = 1
    package static let figuresPerRank = 4

    package let norms: Range<Int>
    package let loads: Range<Int>
    package let use: Range<Int>

    package init(model: Model, worldSize: Int) {
        let weights = model.parameters.reduce(0) { $0 + $1.pieces.count }
        let start = Self.stopRequests + 1
        norms = start..<(start + weights)
        loads = norms.upperBound..<(norms.upperBound + model.layerCount * model.expertCount)
        use = loads.upperBound..<(loads.upperBound + Self.figuresPerRank * worldSize)
    }

    package var count: Int { use.upperBound }
    package var size: Bytes { Bytes(8 * count) }
}
