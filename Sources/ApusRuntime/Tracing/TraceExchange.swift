import ApusBase
import ApusEngine
import ApusProgram
import ApusTrace

/// Brings the ranks' parts of a trace together on rank 0, over the store that they met through.
struct TraceExchange {
    let store: Store
    let prefix: String

    /// Pieces that every store takes.
    private static let pieceSize = 1 << 20

    /// Gives a rank's part to rank 0.
    func give(_ part: RankTrace) throws(EngineError) {
        var lines: [String] = []
        part.append(to: &lines)
        let text = Array((lines.joined(separator: "\n") + "\n").utf8)
        let starts = Array(stride(from: 0, to: text.count, by: Self.pieceSize))
        for (index, start) in starts.enumerated() {
            let piece = text[start..<min(text.count, start + Self.pieceSize)]
            try store.set(key(part.rank, "\(index)"), String(decoding: piece, as: UTF8.self))
        }
        try store.set(key(part.rank, "count"), "\(starts.count)")
    }

    /// Takes the parts of all other ranks; on rank 0.
    ///
    /// - Throws: `Problems` where a rank is gone, or gave something else.
    func take(into own: RankTrace, of trace: Trace) throws(Problems) -> Trace {
        var result = trace
        result.ranks = [own]
        for index in 1..<max(1, trace.subject.worldSize) {
            var bytes = Array((trace.header + "\n").utf8)
            do throws(EngineError) {
                let count = Int(try store.get(key(Rank(index), "count"))) ?? 0
                for piece in 0..<min(count, Self.pieceCountMax) {
                    bytes += Array(try store.get(key(Rank(index), "\(piece)")).utf8)
                }
            } catch {
                throw Problems([error.diagnostic])
            }
            result.ranks += try Trace(bytes: bytes, file: "trace of rank \(index)").ranks
        }
        result.align()
        return result
    }

    private static let pieceCountMax = 4096

    private func key(_ rank: Rank, _ name: String) -> String { "\(prefix)/trace/\(rank)/\(name)" }
}

extension Trace {
    /// Counts time from the beginning.
    ///
    /// Ranks of one host share a clock; those of several have clocks that tell nothing about each
    /// other, so each counts from its own first event.
    mutating func align() {
        let starts = ranks.compactMap { $0.events.first?.start }
        let ends = ranks.compactMap { $0.events.last?.end }
        guard let earliest = starts.min(), let latest = starts.max(), let end = ends.max(),
            let firstEnd = ends.min()
        else { return }
        let haveOneClock = latest < firstEnd && latest - earliest < end - latest
        for index in ranks.indices {
            let origin = haveOneClock ? earliest : ranks[index].events.first?.start ?? 0
            ranks[index].shift(by: -origin)
        }
    }
}

extension RankTrace {
    fileprivate mutating func shift(by seconds: Double) {
        for index in events.indices {
            events[index].start += seconds
            events[index].end += seconds
        }
        for index in transfers.indices {
            transfers[index].begin += seconds
            transfers[index].end += seconds
        }
    }
}
