/// Smooth corrections of a modelled time over a grid of logarithms of a shape.
struct CorrectionGrid: Sendable {
    /// Logarithms of measured ÷ modelled time; the last axis runs fastest.
    var values: [Double]

    /// The value between the grid's points along one axis; beyond its ends the end's value counts.
    struct Place {
        var cell: Int
        var part: Double
        /// How far beyond the grid's ends the coordinate lies.
        var distance: Double

        init(_ coordinate: Double, first: Double, step: Double, count: Int) {
            let position = (coordinate - first) / step
            let inside = min(max(position, 0), Double(count - 1))
            cell = min(Int(inside), count - 2)
            part = inside - Double(cell)
            distance = abs(coordinate - first - inside * step)
            if distance < 1e-9 { distance = 0 }
        }
    }

    func value(_ row: Place, _ column: Place, columns: Int) -> Double {
        let start = row.cell * columns
        let low = between(start, column)
        let high = between(start + columns, column)
        return low + row.part * (high - low)
    }

    func value(_ plane: Place, _ row: Place, _ column: Place, rows: Int, columns: Int) -> Double {
        func along(_ plane: Int) -> Double {
            let start = (plane * rows + row.cell) * columns
            let low = between(start, column)
            let high = between(start + columns, column)
            return low + row.part * (high - low)
        }
        let low = along(plane.cell)
        return low + plane.part * (along(plane.cell + 1) - low)
    }

    private func between(_ start: Int, _ column: Place) -> Double {
        let low = values[start + column.cell]
        return low + column.part * (values[start + column.cell + 1] - low)
    }
}
