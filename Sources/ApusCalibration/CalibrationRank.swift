package import ApusEngine
package import ApusPlan
import ApusSystem

/// One rank of a calibration: rank 0 measures what one rank does alone, then all measure together.
package struct CalibrationRank {
    private let engine: Engine
    private let store: Store
    private let prefix: String
    private let host: String
    private let rank: Int
    private let size: Int
    private let cores: Int
    private let shapes: CalibrationShapes
    private let watch: Stopwatch
    private let isQuick: Bool

    package init(
        engine: Engine, store: Store, prefix: String, host: String, rank: Int, size: Int,
        cores: Int, shapes: CalibrationShapes, isQuick: Bool
    ) {
        self.engine = engine
        self.store = store
        self.prefix = prefix
        self.host = host
        self.rank = rank
        self.size = size
        self.cores = cores
        self.shapes = isQuick ? shapes.quick : shapes
        self.isQuick = isQuick
        watch = isQuick ? .quick : .standard
    }

    /// Measures; `onProgress` hears what comes next.
    ///
    /// - Returns: what was measured, on rank 0; the other ranks have parts of it only.
    package func run(
        onProgress: (String) -> Void
    ) throws(EngineError) -> Calibration? {
        var result = Calibration()
        let world = try group("world", of: size)
        if rank == 0 {
            try measureAlone(&result, onProgress)
        }
        try world.barrier()
        if cores > 1, size > 1 {
            onProgress("busy cores")
            result.busyCores = try measureBusyCores(world, cores: min(cores, size))
        }
        for count in groupSizes {
            onProgress("collectives of \(count) ranks")
            if rank < count {
                let runs = CollectiveRuns(
                    engine: engine, group: try group("\(count)", of: count), rank: rank,
                    size: count,
                    watch: watch)
                for bytes in sizes { result.collectives += try runs.collectives(bytes: bytes) }
            }
            try world.barrier()
        }
        return rank == 0 ? result : nil
    }

    /// Powers of two up to the number of ranks, and that number.
    private var groupSizes: [Int] {
        var sizes = [2, 4, 8, 16, 32, 64].filter { $0 <= size }
        if size > 1, !sizes.contains(size) { sizes.append(size) }
        return sizes
    }

    private var sizes: [Int] {
        isQuick
            ? [8, 65_536, 2_097_152]
            : [8, 4096, 32_768, 131_072, 524_288, 2_097_152, 8_388_608]
    }

    private func group(_ name: String, of count: Int) throws(EngineError) -> ProcessGroup {
        try ProcessGroup(
            engine, store, prefix: "\(prefix)/calibration/\(name)", rank: rank, size: count,
            timeoutSeconds: 300, interface: host)
    }

    // MARK: - What one rank does alone

    private func measureAlone(
        _ result: inout Calibration, _ onProgress: (String) -> Void
    ) throws(EngineError) {
        let bench = try OperationBench(engine: engine, watch: watch)
        let products = ProductRuns(bench: bench)
        let kernels = KernelRuns(bench: bench, shapes: shapes)
        result.operationMicroseconds = max(0.001, significant(1e6 * bench.operation))
        onProgress("products")
        for weight in shapes.weights {
            for rows in shapes.rows {
                result.products += try products.products(rows: rows, weight)
            }
        }
        onProgress("products of several experts")
        for weight in shapes.expertWeights {
            for groups in shapes.expertCounts where groups > 1 {
                for rows in shapes.expertRows {
                    result.products += try products.groupedProducts(
                        groups: groups, rows: rows, weight)
                }
            }
        }
        onProgress("attention")
        for (sequences, length) in pairs(shapes.sequences, shapes.lengths) {
            for (heads, dim) in pairs(shapes.heads, shapes.headDims) {
                result.attention += try products.attention(
                    sequences: sequences, length: length, heads: heads, headDim: dim)
            }
        }
        onProgress("kernels")
        result.kernels = kernels.island
        for numbers in shapes.numbers {
            result.kernels += try kernels.kernels(numbers: numbers)
        }
        onProgress("optimizer and memory")
        let states = StateRuns(engine: engine, watch: watch)
        for count in shapes.weightCounts {
            result.kernels += try states.states(weights: count)
        }
        for bytes in [16_384, 262_144, 4_194_304, 67_108_864] {
            result.copies.append(try states.copy(bytes: bytes))
        }
        if let islands = shapes.islands {
            onProgress("islands of the model")
            try IslandRuns(
                engine: engine, shapes: islands, stepCount: isQuick ? 4 : 9,
                limitSeconds: isQuick ? 0.5 : 1.2
            ).measure(into: &result)
        }
        result.kernels.sort { $0.order < $1.order }
    }

    private func pairs(_ first: [Int], _ second: [Int]) -> [(Int, Int)] {
        first.flatMap { left in second.map { (left, $0) } }
    }

    // MARK: - How ranks slow each other down

    /// How much longer products and copies take while several ranks compute, the mean of both.
    private func measureBusyCores(
        _ world: borrowing ProcessGroup, cores: Int
    ) throws(EngineError) -> [Calibration.BusyCores] {
        var alone = 0.0
        var result: [Calibration.BusyCores] = []
        for count in 1...cores {
            try world.barrier()
            let time = rank < count ? try mixedWork() : 0
            try world.barrier()
            if count == 1 {
                alone = time
            } else if alone > 0 {
                result.append(
                    Calibration.BusyCores(
                        cores: count, slowdown: significant(max(1, time / alone), digits: 3)))
            }
        }
        return result
    }

    /// The geometric mean of a product's and of a copy's time.
    private func mixedWork() throws(EngineError) -> Double {
        let rows = try engine.noise([256, 256])
        let weight = try engine.noise([256, 256], seed: 2)
        let source = try engine.noise([1_048_576])
        let target = try engine.zeros([1_048_576])
        // Both take as long as the ranks need to overlap.
        let long = Stopwatch(repetitions: 9, sampleSeconds: 2e-2, limitSeconds: 1)
        let product = try long.timing { () throws(EngineError) in _ = try rows.linear(weight) }
        let copy = try long.timing { () throws(EngineError) in try target.copy(from: source) }
        return (product.seconds * copy.seconds).squareRoot()
    }
}

extension Calibration.Kernel {
    /// Kinds in the order of their declaration, forward first, small ones first.
    fileprivate var order: (Int, Int, Int) {
        let kinds = Calibration.KernelKind.allCases
        return (kinds.firstIndex(of: kind) ?? 0, pass == .forward ? 0 : 1, numbers)
    }
}
