/// Numbers by row and column, such as bytes from rank to rank.
package struct Matrix: Hashable, Sendable, Encodable {
    package enum Unit: String, Hashable, Sendable, Encodable {
        case bytes, share, count
    }

    package var rows: [String]
    package var columns: [String]
    package var values: [[Double]]
    package var unit: Unit
    /// What a row and a column are, such as `sender` and `receiver`.
    package var rowName: String
    package var columnName: String

    package init(
        rows: [String], columns: [String], values: [[Double]], unit: Unit, rowName: String,
        columnName: String
    ) {
        precondition(values.count == rows.count)
        precondition(values.allSatisfy { $0.count == columns.count })
        self.rows = rows
        self.columns = columns
        self.values = values
        self.unit = unit
        self.rowName = rowName
        self.columnName = columnName
    }
}

/// How evenly the experts of each layer were used.
package struct ExpertLoad: Hashable, Sendable, Encodable {
    /// The loads at one step: experts by layers, as a multiple of the even share.
    package struct Frame: Hashable, Sendable, Encodable {
        package var step: Int
        package var load: Matrix

        package init(step: Int, load: Matrix) {
            self.step = step
            self.load = load
        }
    }

    package var origin: Origin
    package var frames: [Frame]

    package init(_ origin: Origin, frames: [Frame]) {
        self.origin = origin
        self.frames = frames
    }
}
