import ApusPlan

/// The products and the attention of a trace, by shape.
struct OperatorShapes {
    private(set) var products: [Calibration.Product] = []
    private(set) var attention: [Calibration.Attention] = []
    private(set) var skipped: [String: Int] = [:]

    /// Shapes that a cluster file takes of a trace: those with the most time.
    private static let rowMax = 300

    /// Whether an operator's kernels are those of a product or of attention.
    static func isKnown(_ name: String) -> Bool {
        products.contains(name) || attention(name) != nil
    }

    private static let products: Set<String> = [
        "aten::mm", "aten::addmm", "aten::bmm", "aten::_grouped_mm",
    ]

    /// The pass, and whether heads come before the length in the shapes.
    private static func attention(_ name: String) -> (pass: Pass, headsFirst: Bool)? {
        switch name {
        case "aten::_flash_attention_forward": (.forward, false)
        case "aten::_flash_attention_backward": (.backward, false)
        case "aten::_scaled_dot_product_cudnn_attention": (.forward, true)
        case "aten::_scaled_dot_product_cudnn_attention_backward": (.backward, true)
        case _: nil
        }
    }

    /// `operators` and the time of their kernels in microseconds, by external id.
    init(_ operators: [Int: TraceEvent], _ kernels: [Int: Double]) {
        var productTimes: [Calibration.Product: [Double]] = [:]
        var attentionTimes: [Calibration.Attention: [Double]] = [:]
        for (id, event) in operators {
            guard let time = kernels[id] else {
                skipped["operators without a kernel", default: 0] += 1
                continue
            }
            if let product = Self.product(event) {
                productTimes[product, default: []].append(time)
            } else if let attention = Self.attention(event) {
                attentionTimes[attention, default: []].append(time)
            } else {
                skipped["operators without usable shapes", default: 0] += 1
            }
        }
        products = Self.rows(productTimes) { row, time in
            var row = row
            row.microseconds = time
            return row
        }
        products.sort { ($0.m, $0.n, $0.k, $0.groups) < ($1.m, $1.n, $1.k, $1.groups) }
        attention = Self.rows(attentionTimes) { row, time in
            var row = row
            row.microseconds = time
            return row
        }
        attention.sort {
            ($0.length, $0.heads, $0.sequences, $0.pass.rawValue)
                < ($1.length, $1.heads, $1.sequences, $1.pass.rawValue)
        }
        let left = productTimes.count + attentionTimes.count - products.count - attention.count
        skipped["shapes of little time, beyond \(Self.rowMax)"] = left
    }

    /// The shapes that take the most time, each with its median.
    private static func rows<Row: Hashable>(
        _ times: [Row: [Double]], _ make: (Row, Double) -> Row
    ) -> [Row] {
        let all = times.map { row, times in
            let sorted = times.sorted()
            return (row: make(row, sorted[sorted.count / 2]), total: times.reduce(0, +))
        }
        // Equal totals are told apart by the rows' text, so that no order is left to chance.
        return all.sorted { ($1.total, "\($0.row)") < ($0.total, "\($1.row)") }
            .prefix(rowMax).map(\.row)
    }

    private static func product(_ event: TraceEvent) -> Calibration.Product? {
        let matrices = event.name == "aten::addmm" ? event.shapes.dropFirst() : event.shapes[...]
        guard let first = matrices.first, let second = matrices.dropFirst().first,
            let type = precision(event.types)
        else { return nil }
        let sizes: (m: Int, n: Int, k: Int, groups: Int)
        switch (event.name, first.count, second.count) {
        case ("aten::mm", 2, 2), ("aten::addmm", 2, 2):
            guard first[1] == second[0] else { return nil }
            sizes = (first[0], second[1], first[1], 1)
        case ("aten::bmm", 3, 3):
            guard first[0] == second[0], first[2] == second[1] else { return nil }
            sizes = (first[1], second[2], first[2], first[0])
        case ("aten::_grouped_mm", 2, 3):
            guard first[1] == second[1], second[0] > 0 else { return nil }
            sizes = (first[0] / second[0], second[2], first[1], second[0])
        case _: return nil
        }
        let extent = 1...16_777_216
        guard extent.contains(sizes.m), extent.contains(sizes.n), extent.contains(sizes.k),
            (1...65_536).contains(sizes.groups)
        else { return nil }
        return Calibration.Product(
            m: sizes.m, n: sizes.n, k: sizes.k, groups: sizes.groups, type: type, microseconds: 0)
    }

    private static func attention(_ event: TraceEvent) -> Calibration.Attention? {
        guard let (pass, headsFirst) = attention(event.name), event.isCausal else { return nil }
        // Backward names the gradient of the result first, which has the queries' shape.
        guard let queries = event.shapes.first, queries.count == 4,
            let type = precision(event.types)
        else { return nil }
        let (heads, length) = headsFirst ? (queries[1], queries[2]) : (queries[2], queries[1])
        guard (1...1_048_576).contains(queries[0]), (1...1_048_576).contains(length),
            (1...65_536).contains(heads), (1...65_536).contains(queries[3])
        else { return nil }
        return Calibration.Attention(
            sequences: queries[0], length: length, heads: heads, headDim: queries[3], pass: pass,
            type: type, microseconds: 0)
    }

    private static func precision(_ types: [String]) -> Precision? {
        switch types.first {
        case "float": .fp32
        case "c10::BFloat16": .bf16
        case "c10::Half": .fp16
        case "c10::Float8_e4m3fn", "c10::Float8_e5m2": .fp8
        case _: nil
        }
    }
}
