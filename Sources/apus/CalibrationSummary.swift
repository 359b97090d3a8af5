import ApusBase
import ApusPlan

/// What a calibration found, in a few lines.
struct CalibrationSummary {
    let cluster: Cluster

    init(_ cluster: Cluster) { self.cluster = cluster }

    var lines: [String] {
        let found = cluster.calibration ?? Calibration()
        var lines = found.sources.map(line)
        let rates = found.products.map { $0.flops / $0.microseconds * 1e-3 }
        if let least = rates.min(), let most = rates.max() {
            lines.append(
                "products     \(found.products.count) shapes, \(figure(least)) to "
                    + "\(figure(most)) GFLOP/s")
        }
        if !found.attention.isEmpty {
            lines.append("attention    \(found.attention.count) shapes")
        }
        if !found.kernels.isEmpty {
            lines.append("kernels      \(found.kernels.count) measurements")
        }
        if let operation = found.operationMicroseconds {
            lines.append("operation    \(figure(operation)) µs that each costs the host")
        }
        for copy in found.copies {
            let rate = 2 * Double(copy.bytes) / copy.microseconds * 1e-3
            lines.append(
                "memory       \(figure(rate)) GB/s read and written, copying "
                    + "\(grouped(copy.bytes)) bytes")
        }
        for collective in Collective.allCases {
            let rows = found.collectives.filter { $0.collective == collective }
            for ranks in Set(rows.map(\.ranks)).sorted() {
                lines.append(line(collective, ranks, rows.filter { $0.ranks == ranks }))
            }
        }
        for busy in found.busyCores {
            lines.append("busy cores   \(busy.cores): each \(figure(busy.slowdown)) × slower")
        }
        let spreads = found.products.compactMap(\.spread) + found.collectives.compactMap(\.spread)
        if let median = spreads.sorted().dropFirst(spreads.count / 2).first {
            lines.append("spread       \(figure(100 * median)) % between quartiles, in the median")
        }
        return lines
    }

    private func line(_ source: Calibration.Source) -> String {
        let texts = [
            source.file ?? source.machine, source.date, source.versions,
            source.used.map { "used: \($0)" }, source.skipped.map { "skipped: \($0)" },
        ]
        return "\(source.kind.padded(12)) " + texts.compactMap(\.self).joined(separator: "; ")
    }

    private func line(
        _ collective: Collective, _ ranks: Int, _ rows: [Calibration.Exchange]
    ) -> String {
        let sorted = rows.sorted { $0.bytes < $1.bytes }
        var text = "\(collective.rawValue.padded(14)) \(ranks) ranks: "
        if let first = sorted.first {
            text += "\(figure(first.microseconds)) µs for \(grouped(first.bytes)) bytes"
        }
        if let last = sorted.last, sorted.count > 1 {
            text += ", \(figure(last.microseconds)) µs for \(grouped(last.bytes))"
        }
        return text
    }

    /// A number with about three significant digits.
    private func figure(_ value: Double) -> String {
        let unit = value >= 100 ? 1.0 : value >= 10 ? 10 : value >= 1 ? 100 : 1000
        return plain((value * unit).rounded() / unit)
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}

/// The answer of `apus calibrate --json`.
struct CalibrationRecord: Encodable {
    var sources: [String]
    var products: Int
    var attention: Int
    var kernels: Int
    var collectives: Int
    var cores: Int?
    var cluster: String

    init(_ cluster: Cluster) {
        let found = cluster.calibration ?? Calibration()
        sources = found.sources.map(\.kind)
        products = found.products.count
        attention = found.attention.count
        kernels = found.kernels.count
        collectives = found.collectives.count
        cores = cluster.cores
        self.cluster = cluster.text()
    }
}
