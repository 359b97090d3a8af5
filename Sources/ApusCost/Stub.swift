import ApusBase
package import ApusPlan

package enum AttentionPass { case forward, backward }
package struct Kernels: Sendable {
    let gpu: GPU
    init(gpu: GPU) { self.gpu = gpu }
    let launch = Seconds(5e-6)
    func product(m: Int, n: Int, k: Int, precision: Precision) -> KernelTime {
        KernelTime(Seconds(2 * Double(m) * Double(n) * Double(k) / 5e14), .roofline)
    }
    func groupedProduct(
        rows: Int, groups: Int, n: Int, k: Int, precision: Precision, imbalance: Double
    ) -> KernelTime { product(m: rows, n: n, k: k, precision: precision) }
    func elementwise(bytes: Double) -> KernelTime { KernelTime(Seconds(bytes / 1e12), .roofline) }
    func attention(
        sequences: Int, queryLength: Int, keyLength: Int, heads: Int, keyValueHeads: Int,
        headDim: Int, valueHeadDim: Int, isCausal: Bool, precision: Precision, pass: AttentionPass
    ) -> KernelTime {
        product(m: sequences * heads * queryLength, n: keyLength, k: headDim, precision: precision)
    }
}
package struct Network: Sendable {
    init(cluster: Cluster) {}
    func time(_ c: Collective, payload: Double, span: GroupSpan) -> Seconds {
        Seconds(payload / 1e11)
    }
    func expertExchange(
        tokens: Int, hidden: Int, topK: Int, bytesPerElement: Int, span: GroupSpan, fused: Bool
    ) -> Seconds { .zero }
}
