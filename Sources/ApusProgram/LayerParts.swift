package import ApusPlan

/// Which parts the layers of a program have.
///
/// A program does not hold its model; this is what its instructions depend on.
package struct LayerParts: Hashable, Sendable {
    /// Layers whose feed-forward every token passes, in order; the others have experts.
    package var denseLayers: [Int]
    /// Whether layers with experts have some that every token passes.
    package var hasShared: Bool

    package init(denseLayers: [Int] = [], hasShared: Bool = false) {
        self.denseLayers = denseLayers
        self.hasShared = hasShared
    }

    package init(_ model: Model) {
        denseLayers = (0..<model.layerCount).filter(model.isDense)
        hasShared = model.hasExperts && model.sharedExpertHiddenSize > 0
    }

    package func isDense(_ layer: Int) -> Bool { denseLayers.contains(layer) }

    /// Whether there is a feed-forward that every token passes.
    package func hasFeedForward(_ layer: Int) -> Bool { hasShared || isDense(layer) }
}
