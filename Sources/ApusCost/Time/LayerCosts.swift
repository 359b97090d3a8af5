/// What each part of a model costs for one micro-batch on one rank.
///
/// It depends on the plan only through sizes, not through the number of micro-batches, stages or
/// replicas, so a search computes it once for many plans.
package struct LayerCosts: Hashable, Sendable {
    package var dense = PartCost()
    package var expert = PartCost()
    package var embedding = PartCost()
    package var head = PartCost()

    package init() {}
}
