package import ApusPlan

extension Strategy {
    /// The strategy in one line, such as `pp4 dp16 ep8 interleaved x4 zero1 mbs2`.
    package var summary: String {
        var words = [degrees.summary, schedule.summary(chunks: chunks)]
        if zeroStage > 0 { words.append("zero\(zeroStage)") }
        words.append("mbs\(microBatchSize)")
        if recompute != .none { words.append("recompute \(recompute.rawValue)") }
        if placement == .innermost { words.append("innermost") }
        return words.joined(separator: " ")
    }
}

extension Degrees {
    /// The degrees above 1, as `--layout` takes them.
    package var summary: String {
        let names = [
            ("pp", pipeline), ("dp", data), ("cp", context), ("tp", tensor), ("ep", expert),
            ("etp", expertTensor),
        ]
        let used = names.filter { $0.1 > 1 }.map { "\($0.0)\($0.1)" }
        return used.isEmpty ? "one rank" : used.joined(separator: " ")
    }
}

extension Plan.Schedule {
    /// A short name for tables.
    package func summary(chunks: Int) -> String {
        switch self {
        case .gpipe: "gpipe"
        case .oneForwardOneBackward: "1f1b"
        case .interleaved: "interleaved x\(chunks)"
        case .zeroBubbleH1: "zb-h1"
        case .zeroBubbleV: "zb-v"
        case .dualPipeV: "dualpipe-v"
        }
    }
}
