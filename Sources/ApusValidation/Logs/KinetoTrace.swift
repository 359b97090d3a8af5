import ApusBase
import ApusPlan

/// Reads a trace of PyTorch's profiler: its kernels, with the shapes of what launched them.
///
/// A kernel knows the operator that launched it by an external id, and the operator its inputs,
/// where the profiler recorded shapes. Kernels of NCCL carry collective, sizes and group. Source:
/// pytorch/kineto, `libkineto/src/output_json.cpp`.
struct KinetoTrace {
    private let file: String
    private let bytes: [UInt8]
    private var eventCount = 0
    private var operators: [Int: TraceEvent] = [:]
    /// Durations of the kernels of each operator.
    private var kernels: [Int: Double] = [:]
    private var collectives: [Calibration.Exchange] = []
    private var steps: [RunLog.Step] = []
    private var deviceName: String?
    private var skipped: [String: Int] = [:]

    /// More operators than a trace of a few steps has; the others are passed over.
    private static let keptMax = 4_000_000
    private static let rowMax = 300

    init(_ bytes: [UInt8], file: String) {
        self.file = file
        self.bytes = bytes
    }

    consuming func findings() throws(Problems) -> LogFindings {
        var scanner = JSONScanner(bytes)
        do throws(JSONScanner.Failure) {
            try readFile(&scanner)
        } catch {
            let place = scanner.position(of: error.offset)
            throw Problems([
                Diagnostic(
                    .logFormat,
                    location: Diagnostic.Location(
                        file: file, line: place.line, column: place.column),
                    problem: "the trace is no JSON from here on", expected: error.expected,
                    hint: "a trace that ends early was cut off while it was written")
            ])
        }
        var findings = LogFindings(kind: "kineto", file: file)
        findings.gpuName = deviceName
        let shapes = OperatorShapes(operators, kernels)
        for (reason, count) in shapes.skipped { skipped[reason, default: 0] += count }
        findings.calibration.products = shapes.products
        findings.calibration.attention = shapes.attention
        findings.calibration.collectives = leastTimes(collectives)
        if !steps.isEmpty { findings.run = RunLog(kind: .kineto, file: file, steps: steps) }
        let rows =
            shapes.products.count + shapes.attention.count
            + findings.calibration.collectives.count
        guard rows > 0 || findings.run != nil else {
            throw nothingUsable(
                file, "no event of the trace can be used",
                expected: "kernels on a GPU with the shapes of their operators "
                    + "(`record_shapes=True`), or kernels of NCCL with their sizes",
                skipped: skipped)
        }
        findings.note(
            lines: eventCount,
            used: "\(shapes.products.count) shapes of products, \(shapes.attention.count) of "
                + "attention, \(findings.calibration.collectives.count) collectives, "
                + counted(steps.count, "step", "steps"),
            skipped: skipped)
        return findings
    }

    private mutating func readFile(
        _ scanner: inout JSONScanner
    ) throws(JSONScanner.Failure) {
        guard scanner.peek() == UInt8(ascii: "{") else { return try readEvents(&scanner) }
        try scanner.object { scanner, key throws(JSONScanner.Failure) in
            switch key {
            case "traceEvents" where scanner.peek() == UInt8(ascii: "["):
                try readEvents(&scanner)
            case "deviceProperties" where scanner.peek() == UInt8(ascii: "["):
                try readDevices(&scanner)
            case _: try scanner.skip()
            }
        }
    }

    private mutating func readDevices(
        _ scanner: inout JSONScanner
    ) throws(JSONScanner.Failure) {
        try scanner.array { scanner throws(JSONScanner.Failure) in
            guard scanner.peek() == UInt8(ascii: "{") else { return try scanner.skip() }
            try scanner.object { scanner, key throws(JSONScanner.Failure) in
                guard key == "name" else { return try scanner.skip() }
                deviceName = try scanner.optionalText() ?? deviceName
            }
        }
    }

    private mutating func readEvents(
        _ scanner: inout JSONScanner
    ) throws(JSONScanner.Failure) {
        try scanner.array { scanner throws(JSONScanner.Failure) in
            guard scanner.peek() == UInt8(ascii: "{") else { return try scanner.skip() }
            take(try TraceEvent(&scanner))
        }
    }

    private mutating func take(_ event: TraceEvent) {
        eventCount += 1
        switch event.category {
        case "cpu_op" where OperatorShapes.isKnown(event.name):
            guard let id = event.externalID, operators.count < Self.keptMax else {
                return skipped["operators without an external id", default: 0] += 1
            }
            operators[id] = event
        case "kernel" where event.name.hasPrefix("nccl"):
            takeCollective(event)
        case "kernel":
            guard let id = event.externalID, kernels.count < Self.keptMax,
                (1e-3...1e11).contains(event.duration)
            else { return skipped["kernels without an external id", default: 0] += 1 }
            kernels[id, default: 0] += event.duration
        case "user_annotation" where event.name.hasPrefix("ProfilerStep#"):
            guard let number = Int(event.name.dropFirst(13)), number >= 0,
                (1e-3...1e13).contains(event.duration)
            else { return }
            var step = RunLog.Step(number: number)
            step.seconds = event.duration * 1e-6
            steps.append(step)
        case _: break
        }
    }

    private mutating func takeCollective(_ event: TraceEvent) {
        let name = (event.collective ?? "").lowercased()
        let size = elementSize(event.dataType ?? "")
        let input = event.inputNumbers ?? 0
        let output = event.outputNumbers ?? 0
        let found: (Collective, Int)? =
            switch name {
            case "allreduce", "_allreduce_base", "allreduce_coalesced": (.allReduce, input)
            case "_allgather_base", "allgather", "allgather_into_tensor_coalesced":
                (.allGather, output)
            case "_reduce_scatter_base", "reduce_scatter", "reduce_scatter_tensor_coalesced":
                (.reduceScatter, input)
            case "all_to_all", "all_to_allv", "alltoall", "alltoall_base": (.allToAll, input)
            case "send", "recv": (.pointToPoint, max(input, output))
            case _: nil
            }
        guard let (collective, numbers) = found, let size, numbers > 0,
            let ranks = event.groupSize, ranks > 1, (1e-3...1e11).contains(event.duration)
        else {
            return skipped["kernels of NCCL without collective, sizes or group", default: 0] += 1
        }
        guard collectives.count < Self.keptMax else { return }
        collectives.append(
            Calibration.Exchange(
                collective: collective, ranks: collective == .pointToPoint ? 2 : ranks,
                bytes: min(numbers, 1 << 40 / size) * size, microseconds: event.duration))
    }

    private func elementSize(_ type: String) -> Int? {
        switch type.lowercased() {
        case "float", "int", "float32", "int32": 4
        case "half", "bfloat16", "float16", "short": 2
        case "double", "long", "float64", "int64": 8
        case "byte", "char", "bool", "uint8", "int8", "float8_e4m3fn", "float8_e5m2": 1
        case _: nil
        }
    }

    /// The least time of each collective of one size and group.
    ///
    /// A kernel of NCCL runs from its rank's call to the end, so it contains the wait for the last
    /// rank; the shortest of many has waited least.
    private func leastTimes(_ all: [Calibration.Exchange]) -> [Calibration.Exchange] {
        var least: [Calibration.Exchange: Double] = [:]
        for one in all {
            var key = one
            key.microseconds = 0
            least[key] = min(least[key] ?? .infinity, one.microseconds)
        }
        let rows = least.map { key, time in
            var row = key
            row.microseconds = time
            return row
        }
        return Array(rows.sorted { order($0) < order($1) }.prefix(Self.rowMax))
    }

    private func order(_ row: Calibration.Exchange) -> (Int, Int, Int) {
        (Collective.allCases.firstIndex(of: row.collective) ?? 0, row.ranks, row.bytes)
    }
}
