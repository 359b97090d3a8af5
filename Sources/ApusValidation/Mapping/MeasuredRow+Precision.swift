import ApusPlan

extension MeasuredRow {
    /// The type in which the row's products are computed.
    func mappedPrecision() throws(Unscored) -> Precision {
        let text = self[.precision].lowercased()
        if text.contains("fp4") { throw Unscored("computes in FP4, of which there are no rates") }
        let names: [(mark: String, precision: Precision)] = [
            ("fp8", .fp8), ("float8", .fp8), ("bf16", .bf16), ("fp16", .fp16), ("tf32", .tf32),
            ("fp32", .fp32),
        ]
        guard let found = names.first(where: { text.contains($0.mark) }) else {
            throw Unscored(text.isEmpty ? "`precision` not published" : "unknown `precision`")
        }
        return found.precision
    }
}
