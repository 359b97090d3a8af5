package import ApusBase

/// Where the time of a kernel comes from.
package enum Provenance: Int, Hashable, Comparable, Sendable {
    /// No measurement is near: the greater of computing at a typical share of the peak rate and of
    /// moving the operands at a typical share of the memory's bandwidth.
    case roofline
    /// Between measured shapes that lie further apart, or scaled from a sibling of this GPU.
    case interpolated
    /// Measured on this GPU within a factor of two in each dimension.
    case measured

    package static func < (left: Provenance, right: Provenance) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// How long one kernel takes.
package struct KernelTime: Hashable, Sendable {
    package var time: Seconds
    package var provenance: Provenance

    package init(_ time: Seconds, _ provenance: Provenance) {
        self.time = time
        self.provenance = provenance
    }
}
