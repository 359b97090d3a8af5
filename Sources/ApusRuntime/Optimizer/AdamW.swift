/// The constants of AdamW.
///
/// Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2; the
/// second beta is that of large language models (Brown et al. 2020, appendix B).
package struct AdamW: Hashable, Sendable {
    package var beta1 = 0.9
    package var beta2 = 0.95
    package var epsilon = 1e-8
    package var weightDecay: Double

    package init(weightDecay: Double) { self.weightDecay = weightDecay }
}
