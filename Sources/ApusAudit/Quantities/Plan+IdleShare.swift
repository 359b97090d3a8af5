import ApusBase
import ApusCost
import ApusPlan

extension Plan {
    /// The share of a flush that a rank idles where all stages cost the same, with its formula.
    struct IdleShare {
        var share: Double
        var why: String
        var source: String
    }

    func idleShare(microBatches: Int) -> IdleShare {
        let share = bubbleAtEqualCosts(microBatches: microBatches)
        func result(_ formula: String, _ source: String) -> IdleShare {
            IdleShare(
                share: share,
                why: "\(formula) = \(percent(share)) for p = \(degrees.pipeline) stages, "
                    + "m = \(microBatches) micro-batches", source: source)
        }
        switch schedule {
        case .gpipe:
            return result("(p − 1) ÷ (m + p − 1)", "Huang et al. 2019 (GPipe), §2.3")
        case .oneForwardOneBackward:
            return result("(p − 1) ÷ (m + p − 1)", "Narayanan et al. 2021, §2.2.1")
        case .interleaved:
            return result(
                "(p − 1) ÷ (v·m + p − 1) with v = \(chunks) chunks",
                "Narayanan et al. 2021, §2.2.2")
        case .zeroBubbleH1:
            return result(
                "(p − 1) ÷ (3·m + p − 1) where F, B and W take the same time",
                "Qi et al. 2024 (Zero Bubble Pipeline Parallelism), table 1, ZB-H1")
        case .zeroBubbleV:
            return result(
                "no idle time where F, B and W take the same time",
                "Qi et al. 2024 (Pipeline Parallelism with Controllable Memory), V-ZB")
        case .dualPipeV:
            return result(
                "(p − 1) ÷ (3·m + p − 1) where F, B and W take the same time",
                "DeepSeek-AI 2025 (DualPipe), table of bubbles")
        case .written(let written):
            return result(
                "played through, where F, B and W take the same time", "`\(written.file)`")
        }
    }
}

/// A share in words, such as `27.3 %`.
func percent(_ share: Double) -> String { "\(significant(share * 100)) %" }
