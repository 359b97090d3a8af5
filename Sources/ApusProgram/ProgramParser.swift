package import ApusBase
import ApusPlan

extension Program {
    /// Reads a program from its text form.
    ///
    /// Every number is held within limits under which no sum or product of them overflows, and
    /// instructions name declared slots only, so a program that was read can be verified.
    ///
    /// - Throws: `Problems` with the first line that cannot be read.
    package init(text: String, file: String) throws(Problems) {
        var parser = ProgramParser(text: text, file: file)
        self = try parser.program()
    }
}

/// What numbers of a program may be.
///
/// Far beyond any machine, and so small that what Apus multiplies and adds fits `Int`: 2¹⁶ slots of
/// 2⁴⁶ bytes, such a slot times 2¹⁶ ranks, 2²⁰ tokens in each of 2²⁰ sequences in each of 2²⁰
/// micro-batches.
enum ProgramLimits {
    static let ranks = 1...65_536
    static let counts = 1...1_048_576
    static let layers = 0...1024
    /// Of one rank.
    static let chunks = 1...1024
    /// Of a layer, a micro-batch, a bucket or a slot.
    static let indices = 0...1_048_576
    static let sizeMax = Bytes(1 << 46)
    static let slotCount = 65_536
}

private struct ProgramParser {
    private let lines: [Substring]
    private let file: String
    private var index = 0

    init(text: String, file: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        self.file = file
    }

    mutating func program() throws(Problems) -> Program {
        guard next() == "program 2" else { throw problem("`program 2`") }
        guard let mesh = next().flatMap(readMesh) else {
            throw problem("a mesh such as `mesh pp4 dp4 cp1 tp1 ep4 etp1 carved1 chunks1 …`")
        }
        guard let shape = next().flatMap(readShape),
            shape.tensorParallel == mesh.degrees.tensor
        else {
            throw problem("a step such as `step length 128 sequences 2 micro_batches 16 …`")
        }
        let parts = try parts()
        var classes: [ProgramClass] = []
        while let line = next(), !line.isEmpty {
            classes.append(try programClass(line, stage: classes.count, mesh))
        }
        guard classes.count == mesh.degrees.pipeline else {
            throw problem("\(mesh.degrees.pipeline) classes, one per stage")
        }
        guard index >= lines.count else { throw problem("nothing behind the last class") }
        return Program(mesh: mesh, shape: shape, parts: parts, classes: classes)
    }

    /// The line that says what the layers have, if there is one.
    private mutating func parts() throws(Problems) -> LayerParts {
        guard index < lines.count, lines[index].hasPrefix("parts") else { return LayerParts() }
        guard let parts = next().flatMap(readParts) else {
            throw problem("parts such as `parts shared dense 0 1 2`")
        }
        return parts
    }

    private mutating func programClass(
        _ line: Substring, stage: Int, _ mesh: Mesh
    ) throws(Problems) -> ProgramClass {
        var words = WordReader(line)
        guard words.take("class"), words.number(after: "stage") == stage, words.take("layers"),
            let chunks = readChunks(&words), chunks.count == mesh.virtualStages.chunks
        else { throw problem("`class stage \(stage) layers 0..<4`, a range for each chunk") }
        var result = ProgramClass(
            stage: Stage(stage), chunks: chunks, slots: [], buckets: [], instructions: [])
        while let line = next(), line != "end" {
            if line.hasPrefix("slot ") {
                guard result.slots.count < ProgramLimits.slotCount,
                    let slot = readSlot(line, index: result.slots.count)
                else {
                    throw problem("a slot such as `slot s\(result.slots.count) tensor 4096B`")
                }
                result.slots.append(slot)
            } else if line.hasPrefix("bucket ") {
                guard let bucket = readBucket(line, index: result.buckets.count) else {
                    throw problem("a bucket such as `bucket b0 on data 4096B model.norm.weight`")
                }
                result.buckets.append(bucket)
            } else if let instruction = Instruction(text: line) {
                try check(instruction, slots: result.slots)
                result.instructions.append(instruction)
            } else {
                throw problem("an instruction, or `end`")
            }
        }
        guard index <= lines.count, lines[index - 1] == "end" else { throw problem("`end`") }
        return result
    }

    /// Slots are declared before they are used.
    private func check(_ instruction: Instruction, slots: [SlotPlan]) throws(Problems) {
        let used = instruction.read + instruction.written
        guard used.allSatisfy({ slots.indices.contains($0.index) }) else {
            throw problem("an instruction on slots that lines above it declare")
        }
    }

    private mutating func next() -> Substring? {
        guard index < lines.count else { return nil }
        index += 1
        return lines[index - 1]
    }

    private func problem(_ expected: String) -> Problems {
        let text = index > 0 && index <= lines.count ? String(lines[index - 1].prefix(60)) : ""
        return Problems([
            Diagnostic(
                .programSyntax, location: Diagnostic.Location(file: file, line: max(1, index)),
                problem: "cannot read `\(text)` as a line of a program", expected: expected,
                hint: "`apus program FILE` prints programs in this form")
        ])
    }
}

private func readMesh(_ line: Substring) -> Mesh? {
    var words = WordReader(line)
    guard words.take("mesh") else { return nil }
    var values: [Int] = []
    for prefix in ["pp", "dp", "cp", "tp", "ep", "etp"] {
        guard let word = words.next(), let value = readNumber(word, prefix: prefix),
            ProgramLimits.ranks.contains(value)
        else { return nil }
        values.append(value)
    }
    let degrees = Degrees(
        pipeline: values[0], data: values[1], context: values[2], tensor: values[3],
        expert: values[4], expertTensor: values[5])
    guard let carvedWord = words.next(),
        let carved = readNumber(carvedWord, prefix: "carved"), carved > 0,
        degrees.tensor % carved == 0, let chunksWord = words.next(),
        let chunks = readNumber(chunksWord, prefix: "chunks"),
        ProgramLimits.chunks.contains(chunks), let shape = words.next(),
        shape == "loop" || (shape == "v" && chunks == 2),
        let placement = words.next().flatMap({ Plan.Placement(rawValue: String($0)) }),
        values[..<4].reduce(Double(1), { $0 * Double($1) }) <= 65_536,
        degrees.stageSize % (degrees.expert * degrees.expertTensor) == 0, words.isEmpty
    else { return nil }
    return Mesh(
        degrees, placement: placement, carvedTensor: carved, chunks: chunks, isV: shape == "v")
}

private func readShape(_ line: Substring) -> StepShape? {
    var words = WordReader(line)
    guard words.take("step"), let length = words.number(after: "length"),
        let sequences = words.number(after: "sequences"),
        let microBatches = words.number(after: "micro_batches"),
        let tensor = words.number(after: "tensor"), tensor > 0, words.take("recompute"),
        let recompute = words.next().flatMap({ Plan.Recompute(rawValue: String($0)) }),
        words.take("precision"),
        let precision = words.next().flatMap({ Precision(rawValue: String($0)) }),
        [length, sequences, microBatches].allSatisfy(ProgramLimits.counts.contains),
        length * sequences % tensor == 0, words.isEmpty
    else { return nil }
    return StepShape(
        sequenceLength: length, sequencesPerMicroBatch: sequences, microBatches: microBatches,
        tensorParallel: tensor, recompute: recompute, precision: precision)
}

private func readParts(_ line: Substring) -> LayerParts? {
    var words = WordReader(line)
    guard words.take("parts") else { return nil }
    var parts = LayerParts(hasShared: words.take("shared"))
    guard words.take("dense") else { return words.isEmpty && parts.hasShared ? parts : nil }
    while let word = words.next() {
        guard let layer = readNumber(word), ProgramLimits.layers.contains(layer),
            parts.denseLayers.last.map({ $0 < layer }) ?? true
        else { return nil }
        parts.denseLayers.append(layer)
    }
    return parts.denseLayers.isEmpty ? nil : parts
}

private func readChunks(_ words: inout WordReader) -> [Range<Int>]? {
    var chunks: [Range<Int>] = []
    while let word = words.next() {
        guard let layers = readLayers(word) else { return nil }
        chunks.append(layers)
    }
    return chunks
}

private func readLayers(_ text: Substring) -> Range<Int>? {
    let ends = text.split(separator: "..<").map { Int($0) }
    guard ends.count == 2, let lower = ends[0], let upper = ends[1], lower <= upper,
        ProgramLimits.layers.contains(lower), ProgramLimits.layers.contains(upper)
    else { return nil }
    return lower..<upper
}

private func readSlot(_ line: Substring, index: Int) -> SlotPlan? {
    var words = WordReader(line)
    guard words.take("slot"), words.slot() == Slot(index),
        let kind = words.next().flatMap({ SlotPlan.Kind(rawValue: String($0)) }),
        let size = words.size(), words.isEmpty
    else { return nil }
    return SlotPlan(kind: kind, size: size)
}

private func readBucket(_ line: Substring, index: Int) -> GradientBucket? {
    var words = WordReader(line)
    guard words.take("bucket"), words.take("b\(index)"), words.take("on"),
        let axis = words.next().flatMap({ Axis(rawValue: String($0)) })
    else { return nil }
    let isSharded = words.take("sharded")
    guard let size = words.size() else { return nil }
    var parameters: [String] = []
    while let name = words.next() { parameters.append(String(name)) }
    return GradientBucket(axis: axis, isSharded: isSharded, parameters: parameters, size: size)
}
