import ApusEngine
import ApusPlan
import ApusSystem

/// Measures collectives on a group's own transport; every rank of the group runs the same.
struct CollectiveRuns: ~Copyable {
    let engine: Engine
    let group: ProcessGroup
    let rank: Int
    let size: Int
    let watch: Stopwatch

    /// All measured collectives of one size; what rank 0 returns counts.
    func collectives(bytes: Int) throws(EngineError) -> [Calibration.Exchange] {
        [
            try allReduce(bytes: bytes), try allToAll(bytes: bytes),
            try pointToPoint(bytes: bytes),
        ].compactMap(\.self)
    }

    private func allReduce(bytes: Int) throws(EngineError) -> Calibration.Exchange {
        let tensor = try engine.zeros([max(1, bytes / 4)])
        return try measured(.allReduce, bytes: 4 * max(1, bytes / 4)) { () throws(EngineError) in
            try group.allReduce(tensor).wait()
        }
    }

    private func allToAll(bytes: Int) throws(EngineError) -> Calibration.Exchange {
        let each = max(1, bytes / 4 / size)
        let leaving = try engine.zeros([each * size])
        let arriving = try engine.zeros([each * size])
        let even = [Int](repeating: each, count: size)
        return try measured(.allToAll, bytes: 4 * each * size) { () throws(EngineError) in
            try group.allToAll(
                output: arriving, input: leaving, outputSplits: even, inputSplits: even
            ).wait()
        }
    }

    /// A message there and one back, of which half counts; the other ranks look on.
    private func pointToPoint(bytes: Int) throws(EngineError) -> Calibration.Exchange? {
        guard size == 2 else { return nil }
        let tensor = try engine.zeros([max(1, bytes / 4)])
        var both = try measured(
            .pointToPoint, bytes: 4 * max(1, bytes / 4)
        ) { () throws(EngineError) in
            if rank == 0 {
                try group.send(tensor, to: 1, tag: 0).wait()
                try group.receive(into: tensor, from: 1, tag: 1).wait()
            } else {
                try group.receive(into: tensor, from: 0, tag: 0).wait()
                try group.send(tensor, to: 0, tag: 1).wait()
            }
        }
        both.microseconds = significant(both.microseconds / 2)
        both.busyMicroseconds = both.busyMicroseconds.map { significant($0 / 2) }
        return both
    }

    /// Repeats `body` equally often on every rank: as often as rank 0 finds fit.
    private func measured(
        _ collective: Collective, bytes: Int, _ body: () throws(EngineError) -> Void
    ) throws(EngineError) -> Calibration.Exchange {
        try body()
        try group.barrier()
        let first = monotonicSeconds()
        for _ in 0..<3 { try body() }
        let once = (monotonicSeconds() - first) / 3
        let wanted = max(1, (watch.sampleSeconds * 4 / max(1e-6, once)).rounded(.up))
        let most = max(3, watch.limitSeconds / (max(1e-6, once) * wanted))
        let (count, repetitions) = try agreed(
            min(wanted, 200), min(most, Double(watch.repetitions)))
        var samples: [Double] = []
        let busy = Host.processorSeconds
        for _ in 0..<repetitions {
            try group.barrier()
            let start = monotonicSeconds()
            for _ in 0..<count { try body() }
            samples.append((monotonicSeconds() - start) / Double(count))
        }
        let used = (Host.processorSeconds - busy) / Double(count * repetitions)
        let timing = Timing(samples)
        return Calibration.Exchange(
            collective: collective, ranks: size, bytes: bytes,
            microseconds: timing.microseconds,
            busyMicroseconds: significant(1e6 * (try mean(used))), spread: timing.roundedSpread)
    }

    private func agreed(
        _ count: Double, _ repetitions: Double
    ) throws(EngineError) -> (count: Int, repetitions: Int) {
        let message = try engine.tensor([count, repetitions], shape: [2])
        try group.broadcast(message, root: 0).wait()
        let values = try message.doubles()
        return (max(1, Int(values[0])), max(1, Int(values[1])))
    }

    private func mean(_ value: Double) throws(EngineError) -> Double {
        let message = try engine.tensor([value / Double(size)], shape: [1])
        try group.allReduce(message).wait()
        return try message.doubles()[0]
    }
}
