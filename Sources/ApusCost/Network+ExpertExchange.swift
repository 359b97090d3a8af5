package import ApusBase
import ApusPlan

import func Glibc.pow

extension Network {
    /// The time in which each rank sends its `tokens` to their experts, or gets them back.
    ///
    /// An all-to-all carries every token once per expert. A fused exchange carries it once per node
    /// over the network and from there once per rank over the links inside, both at once.
    /// `nodeLimit` is how many nodes a token's experts may lie on, where the router limits them.
    ///
    /// Fitted: DeepEP's normal kernels move 0.79 of NVLink's bandwidth on H800 and 0.71 to 0.82 on
    /// B200, and 0.87 to 0.91 of the network's, once the node's own share is taken off the
    /// published logical bandwidth.
    /// Source: deepseek-ai/DeepEP@dd758ca, `docs/legacy.md` and `README.md`.
    package func expertExchange(
        tokens: Int, hidden: Int, topK: Int, bytesPerElement: Double, span: GroupSpan,
        fused: Bool, nodeLimit: Int? = nil
    ) -> Seconds {
        guard tokens > 0, topK > 0, span.ranks > 1 else { return .zero }
        let bytes = Double(tokens) * Double(hidden) * bytesPerElement
        guard fused else {
            return time(.allToAll, payload: bytes * Double(topK), span: span)
        }
        let ranks = Double(span.ranks)
        let nodes = Double(span.nodes)
        let nodesMax = min(nodes, Double(max(1, nodeLimit ?? span.nodes)))
        // Copies for other places: distinct places among `topK` even choices, less the own one.
        let rankCopies = distinct(of: ranks * nodesMax / nodes, choices: topK) * (1 - 1 / ranks)
        let nodeCopies = distinct(of: nodesMax, choices: topK) * (1 - 1 / nodes)
        let inside = bytes * rankCopies / (inner.bandwidthGBPerSecond * 1e9 * 0.78)
        guard span.nodes > 1 else { return Seconds(2 * Self.start + inside) }
        let link = slowest(nodes: span.nodes)
        let outside = bytes * nodeCopies / (link.bandwidthGBPerSecond * 1e9 * 0.9)
        return Seconds(4 * Self.hop + max(inside, outside))
    }

    /// The expected number of distinct places among `choices` even draws from `places`.
    private func distinct(of places: Double, choices: Int) -> Double {
        places * (1 - pow(1 - 1 / places, Double(choices)))
    }
}
