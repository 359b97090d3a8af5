extension MeasuredRow {
    /// A way to fill in what the source did not publish.
    struct Filling: Hashable {
        var row: MeasuredRow
        /// The values that were filled in, such as `mbs 2`.
        var assumptions: [String]
    }

    /// The row with every free parameter that it lacks set to each value that it may have.
    ///
    /// A row that lacks nothing is its own only filling. Only what a run tunes is filled in, never
    /// sizes of the model or the hardware.
    var fillings: [Filling] {
        var result = [Filling(row: self, assumptions: [])]
        for (column, values) in freeParameters {
            result = result.flatMap { filling in
                values.map { value in
                    var copy = filling
                    copy.row[column] = value
                    copy.assumptions.append("\(column.rawValue) \(value)")
                    return copy
                }
            }
        }
        return result
    }

    private var freeParameters: [(Column, [String])] {
        var free: [(Column, [String])] = []
        if lacks(.microBatch) { free.append((.microBatch, ["1", "2", "4", "8"])) }
        if lacks(.chunks), let stages = number(self[.pipeline]), stages > 1 {
            free.append((.chunks, ["1", "2", "3", "4", "6", "8"]))
        }
        if lacks(.recompute) { free.append((.recompute, ["none", "selective", "full"])) }
        return free
    }
}
