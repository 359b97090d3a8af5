import ApusBase
import ApusPlan

/// Reads the words of one line of a program's text form, from left to right.
struct WordReader {
    private var words: ArraySlice<Substring>

    init(_ line: Substring) { words = line.split(separator: " ")[...] }

    var isEmpty: Bool { words.isEmpty }

    mutating func next() -> Substring? { words.popFirst() }

    /// Takes the next word if it is `word`.
    mutating func take(_ word: String) -> Bool {
        guard words.first.map({ $0 == word }) == true else { return false }
        words.removeFirst()
        return true
    }

    /// A slot such as `s12`, if one is next.
    mutating func slot() -> Slot? {
        guard let word = words.first, let index = readIndex(word, prefix: "s") else { return nil }
        words.removeFirst()
        return Slot(index)
    }

    mutating func slots() -> [Slot] {
        var result: [Slot] = []
        while let slot = slot() { result.append(slot) }
        return result
    }

    /// A size such as `4096B`.
    mutating func size() -> Bytes? {
        guard let word = next(), word.last == "B", let count = readNumber(word.dropLast()),
            Bytes(count) <= ProgramLimits.sizeMax
        else { return nil }
        return Bytes(count)
    }

    mutating func number(after word: String) -> Int? {
        guard take(word), let text = next() else { return nil }
        return readNumber(text)
    }
}

/// A number that is not negative, after `prefix`.
func readNumber(_ word: Substring, prefix: String = "") -> Int? {
    guard word.hasPrefix(prefix) else { return nil }
    let digits = word.dropFirst(prefix.count)
    guard digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int(digits)
}

/// The index of a layer, a micro-batch, a bucket or a slot.
private func readIndex(_ word: Substring, prefix: String = "") -> Int? {
    guard let index = readNumber(word, prefix: prefix), ProgramLimits.indices.contains(index)
    else { return nil }
    return index
}

extension Instruction {
    /// Reads one line of a program's text form, or returns `nil` where it is none.
    package init?(text: Substring) {
        var words = WordReader(text)
        guard let verb = words.next() else { return nil }
        switch verb {
        case "ZERO": self = .zeroGradients
        case "NORM": self = .gradientNorm
        case "STEP": self = .optimizerStep
        case "FREE":
            guard let slot = words.slot() else { return nil }
            self = .free(slot)
        case "WAIT":
            guard let id = Transfer.ID(&words) else { return nil }
            self = .wait(id)
        case "START":
            guard let transfer = Transfer(&words) else { return nil }
            self = .start(transfer)
        default:
            guard let run = Instruction(run: verb, &words) else { return nil }
            self = run
        }
        guard words.isEmpty else { return nil }
    }

    private init?(run verb: Substring, _ words: inout WordReader) {
        guard let island = words.next().flatMap(Island.init(text:)) else { return nil }
        let inputs = words.slots()
        let outputs = words.take("->") ? words.slots() : []
        if let microBatch = readIndex(verb, prefix: "F") {
            let state = words.take("keep") ? words.slot() : nil
            guard let decision = Forward.Decision.read(&words) else { return nil }
            self = .forward(
                Forward(
                    island: island, microBatch: microBatch, inputs: inputs, outputs: outputs,
                    state: state, decision: decision))
        } else if let microBatch = readIndex(verb, prefix: "B"), words.take("from"),
            let state = words.slot()
        {
            let isSplit = words.take("keep")
            let factors = isSplit ? words.slot() : nil
            guard isSplit == (factors != nil) else { return nil }
            self = .backward(
                Backward(
                    island: island, microBatch: microBatch, state: state, outputGradients: inputs,
                    inputGradients: outputs, factors: factors))
        } else if let microBatch = readIndex(verb, prefix: "W"), words.take("from"),
            let factors = words.slot(), inputs.isEmpty, outputs.isEmpty
        {
            self = .weightBackward(
                WeightBackward(island: island, microBatch: microBatch, factors: factors))
        } else {
            return nil
        }
    }
}

extension Forward.Decision {
    /// The outer optional is empty where a verb lacks its slot.
    fileprivate static func read(_ words: inout WordReader) -> Forward.Decision?? {
        if words.take("take") { return words.slot().map { .take($0) } }
        if words.take("replay") { return words.slot().map { .replay($0) } }
        if words.take("use") { return words.slot().map { .use($0) } }
        return .some(nil)
    }
}

extension Island {
    fileprivate init?(text: Substring) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let layer = parts.count == 2 ? readIndex(parts[1]) : nil
        switch (parts.first, layer) {
        case ("embedding", nil) where parts.count == 1: self = .embedding
        case ("head", nil) where parts.count == 1: self = .head
        case ("attention", let layer?): self = .attention(layer: layer)
        case ("norm", let layer?): self = .norm(layer: layer)
        case ("heads", let layer?): self = .heads(layer: layer)
        case ("router", let layer?): self = .router(layer: layer)
        case ("experts", let layer?): self = .experts(layer: layer)
        case ("feed_forward", let layer?): self = .feedForward(layer: layer)
        case ("residual", let layer?): self = .residual(layer: layer)
        default: return nil
        }
    }
}

extension Payload {
    fileprivate init?(text: Substring) {
        if text == "statistics" {
            self = .statistics
            return
        }
        guard let dot = text.lastIndex(of: ".") else { return nil }
        let place = text[text.index(after: dot)...]
        let parts = text[..<dot].split(separator: "/", omittingEmptySubsequences: false)
        if let bucket = readIndex(place, prefix: "b") {
            switch parts {
            case ["gradients"]: self = .gradients(bucket: bucket)
            case ["weights"]: self = .weights(bucket: bucket)
            default: return nil
            }
            return
        }
        guard let microBatch = readIndex(place) else { return nil }
        let layer = parts.count == 2 ? readIndex(parts[1]) : nil
        switch (parts.first, layer) {
        case ("activation", let index?):
            self = .activation(into: index, microBatch: microBatch)
        case ("activation_gradient", let index?):
            self = .activationGradient(into: index, microBatch: microBatch)
        case ("counts", let layer?): self = .counts(layer: layer, microBatch: microBatch)
        case ("dispatch", let layer?): self = .dispatch(layer: layer, microBatch: microBatch)
        case ("combine", let layer?): self = .combine(layer: layer, microBatch: microBatch)
        case ("combine_gradient", let layer?):
            self = .combineGradient(layer: layer, microBatch: microBatch)
        case ("dispatch_gradient", let layer?):
            self = .dispatchGradient(layer: layer, microBatch: microBatch)
        case (let name?, let layer?):
            guard let slice = Payload(slice: name, layer: layer, microBatch: microBatch) else {
                return nil
            }
            self = slice
        default: return nil
        }
    }

    /// A bridge of tensor parallelism.
    private init?(slice name: Substring, layer: Int, microBatch: Int) {
        for half in Sublayer.allCases {
            switch name {
            case "\(half.rawValue)_gather":
                self = .gather(half, layer: layer, microBatch: microBatch)
            case "\(half.rawValue)_scatter":
                self = .scatter(half, layer: layer, microBatch: microBatch)
            case "\(half.rawValue)_scatter_gradient":
                self = .scatterGradient(half, layer: layer, microBatch: microBatch)
            case "\(half.rawValue)_gather_gradient":
                self = .gatherGradient(half, layer: layer, microBatch: microBatch)
            default: continue
            }
            return
        }
        return nil
    }
}

extension Transfer.ID {
    fileprivate init?(_ words: inout WordReader) {
        let role: Role =
            words.take("send") ? .send : words.take("receive") ? .receive : .join
        guard let payload = words.next().flatMap(Payload.init(text:)) else { return nil }
        self.init(payload: payload, role: role)
    }
}

extension Queue {
    fileprivate init?(text: Substring) {
        if let axis = Axis(rawValue: String(text)) {
            self = .group(axis)
        } else if let index = readIndex(text, prefix: "activations/") {
            self = .activations(into: index)
        } else if let index = readIndex(text, prefix: "gradients/") {
            self = .gradients(into: index)
        } else {
            return nil
        }
    }
}

extension Transfer {
    fileprivate init?(_ words: inout WordReader) {
        guard let id = Transfer.ID(&words), words.take("on"), let name = words.next(),
            let queue = Queue(text: name)
        else { return nil }
        let source = words.slot()
        let destination = words.take("->") ? words.slot() : nil
        let routing = words.take("by") ? words.slot() : nil
        guard let size = words.size() else { return nil }
        self.init(
            id: id, queue: queue, source: source, destination: destination, routing: routing,
            size: size)
    }
}
