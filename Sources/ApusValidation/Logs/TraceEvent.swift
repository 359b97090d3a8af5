/// One event of a Chrome trace, as far as it tells of kernels.
struct TraceEvent {
    var name = ""
    var category = ""
    /// Microseconds.
    var duration = 0.0
    /// What joins a kernel to the operator that launched it.
    var externalID: Int?
    /// Shapes and types of an operator's inputs.
    var shapes: [[Int]] = []
    var types: [String] = []
    var isCausal = false
    // Of a collective.
    var collective: String?
    var inputNumbers: Int?
    var outputNumbers: Int?
    var groupSize: Int?
    var dataType: String?

    init(_ scanner: inout JSONScanner) throws(JSONScanner.Failure) {
        var event = TraceEvent()
        try scanner.object { scanner, key throws(JSONScanner.Failure) in
            switch key {
            case "name": event.name = try scanner.optionalText() ?? ""
            case "cat": event.category = try scanner.optionalText() ?? ""
            case "dur": event.duration = try scanner.number() ?? 0
            case "args" where scanner.peek() == UInt8(ascii: "{"):
                try scanner.object { scanner, key throws(JSONScanner.Failure) in
                    try event.readArgument(key, &scanner)
                }
            case _: try scanner.skip()
            }
        }
        self = event
    }

    private init() {}

    private mutating func readArgument(
        _ key: String, _ scanner: inout JSONScanner
    ) throws(JSONScanner.Failure) {
        let counts = 0...1_099_511_627_776
        switch key {
        case "External id": externalID = whole(try scanner.number(), in: 0...Int.max / 2)
        case "Input Dims": shapes = try Self.shapes(&scanner)
        case "Input type": types = try Self.texts(&scanner)
        case "Concrete Inputs":
            isCausal = try Self.texts(&scanner).contains { $0 == "True" || $0 == "true" }
        case "Collective name": collective = try scanner.optionalText()
        case "In msg nelems": inputNumbers = whole(try scanner.number(), in: counts)
        case "Out msg nelems": outputNumbers = whole(try scanner.number(), in: counts)
        case "Group size": groupSize = whole(try scanner.number(), in: 1...65_536)
        case "dtype": dataType = try scanner.optionalText()
        case _: try scanner.skip()
        }
    }

    /// The shapes of an operator's tensors; what is no tensor has none.
    private static func shapes(
        _ scanner: inout JSONScanner
    ) throws(JSONScanner.Failure) -> [[Int]] {
        guard scanner.peek() == UInt8(ascii: "[") else {
            try scanner.skip()
            return []
        }
        var shapes: [[Int]] = []
        try scanner.array { scanner throws(JSONScanner.Failure) in
            guard scanner.peek() == UInt8(ascii: "["), shapes.count < 32 else {
                return try scanner.skip()
            }
            var shape: [Int] = []
            try scanner.array { scanner throws(JSONScanner.Failure) in
                guard scanner.peek() != UInt8(ascii: "["), shape.count < 8 else {
                    return try scanner.skip()
                }
                shape.append(whole(try scanner.number(), in: 0...1_099_511_627_776) ?? -1)
            }
            shapes.append(shape)
        }
        return shapes
    }

    private static func texts(
        _ scanner: inout JSONScanner
    ) throws(JSONScanner.Failure) -> [String] {
        guard scanner.peek() == UInt8(ascii: "[") else {
            try scanner.skip()
            return []
        }
        var texts: [String] = []
        try scanner.array { scanner throws(JSONScanner.Failure) in
            let text = try scanner.optionalText()
            if texts.count < 64 { texts.append(text ?? "") }
        }
        return texts
    }
}
