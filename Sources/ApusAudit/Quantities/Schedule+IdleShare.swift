import ApusBase
import ApusPlan

extension Plan.Schedule {
    /// The share of a flush that a rank idles where all stages cost the same.
    struct IdleShare {
        var share: Double
        var why: String
        var source: String
    }

    /// How much of one flush is bubble: `stages` ranks in a row, `chunks` chunks on each.
    ///
    /// Backward costs twice as much as forward, half of it for the weights, as for matrix products.
    func idleShare(stages: Int, microBatches: Int, chunks: Int) -> IdleShare {
        let idle = Double(stages - 1)
        let batches = Double(microBatches)
        func share(work: Double, _ formula: String, _ source: String) -> IdleShare {
            let share = idle / (work + idle)
            return IdleShare(
                share: share,
                why: "\(formula) = \(percent(share)) for p = \(stages) stages, "
                    + "m = \(microBatches) micro-batches", source: source)
        }
        switch self {
        case .gpipe:
            return share(
                work: batches, "(p − 1) ÷ (m + p − 1)", "Huang et al. 2019 (GPipe), §2.3")
        case .oneForwardOneBackward:
            return share(
                work: batches, "(p − 1) ÷ (m + p − 1)", "Narayanan et al. 2021, §2.2.1")
        case .interleaved:
            return share(
                work: batches * Double(chunks), "(p − 1) ÷ (v·m + p − 1), v = \(chunks),",
                "Narayanan et al. 2021, §2.2.2")
        case .zeroBubbleH1:
            return share(
                work: 3 * batches, "(p − 1) ÷ (3·m + p − 1)",
                "Qi et al. 2024 (Zero Bubble), Table 2, ZB-H1 at T_F = T_B = T_W")
        case .zeroBubbleV:
            return IdleShare(
                share: 0, why: "no bubble where forward and both halves of backward cost the same",
                source: "Qi et al. 2024 (Controllable Memory), §3, V-ZB")
        case .dualPipeV:
            return share(
                work: 3 * batches, "(p − 1) ÷ (3·m + p − 1)",
                "DeepSeek-AI 2025 (DualPipe), table of bubbles, F&B = F + B")
        }
    }
}

/// A share in words, such as `27.3 %`.
func percent(_ share: Double) -> String { "\(significant(share * 100)) %" }
