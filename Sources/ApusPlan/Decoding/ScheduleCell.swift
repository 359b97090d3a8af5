/// What a cell of a schedule's file says.
enum ScheduleCell: Hashable {
    /// A pass; of the row's own virtual stage where the cell names none.
    case pass(ScheduleEntry.Pass, virtualStage: Int?, microBatch: Int)
    /// What PyTorch adds for its runtime: communication, which Apus compiles itself.
    case communication

    static let expected = "a pass such as `0F3`, `F3`, `0B3`, `0I3` or `0W3`"
    /// Virtual stages and micro-batches are numbered up to here.
    static let indexMax = 65_535

    /// Names of what PyTorch writes besides passes.
    ///
    /// Source: PyTorch, torch/distributed/pipelining/schedules.py, `_ComputationType`.
    private static let communications: Set<String> = [
        "SEND_F", "RECV_F", "SEND_B", "RECV_B", "UNSHARD", "RESHARD", "REDUCE_GRAD",
    ]

    /// Reads a cell without the spaces around it; `nil` where it is none.
    init?(_ text: Substring) {
        let stage = text.prefix { $0.isDecimalDigit }
        let name = text[stage.endIndex...].prefix { !$0.isDecimalDigit }
        let batch = text[name.endIndex...]
        guard batch.allSatisfy(\.isDecimalDigit), let virtualStage = Self.index(stage),
            let microBatch = Self.index(batch)
        else { return nil }
        if let pass = ScheduleEntry.Pass(rawValue: String(name)) {
            guard let microBatch else { return nil }
            self = .pass(pass, virtualStage: virtualStage, microBatch: microBatch)
        } else if Self.communications.contains(String(name)) {
            self = .communication
        } else {
            return nil
        }
    }

    /// The number that digits are, with an inner `nil` for no digits and `nil` for one too large.
    private static func index(_ digits: Substring) -> Int?? {
        if digits.isEmpty { return .some(nil) }
        guard let value = Int(digits), value <= indexMax else { return nil }
        return value
    }
}

extension Character {
    fileprivate var isDecimalDigit: Bool { isASCII && isNumber }
}
