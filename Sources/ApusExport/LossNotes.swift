import ApusBase
import ApusPlan

/// Collects what a target cannot express, and what happens instead.
struct LossNotes {
    /// The target as its users call it.
    let target: String
    let positions: KeyPositions
    private(set) var notes: [Diagnostic] = []

    init(_ target: String, positions: KeyPositions) {
        self.target = target
        self.positions = positions
    }

    /// Takes note of a value that is lost; `value` is what the key says, or nothing where the key
    /// alone says it.
    mutating func lose(_ path: String, _ value: String? = nil, instead: String) {
        let key = value.map { "`\(path): \($0)`" } ?? "`\(path)`"
        add(
            Diagnostic(
                .exportLoss, severity: .warning, location: positions.location(of: path),
                path: path, problem: "\(target) cannot express \(key)",
                details: ["instead: \(instead)"]))
    }

    /// Takes note of a loss where a condition holds.
    mutating func lose(
        _ path: String, _ value: String? = nil, if isLost: Bool, instead: String
    ) {
        if isLost { lose(path, value, instead: instead) }
    }

    /// Takes note of a value with which the target does not start.
    mutating func refuse(
        _ path: String, _ value: String, if isRefused: Bool, because reason: String
    ) {
        guard isRefused else { return }
        add(
            Diagnostic(
                .exportLoss, severity: .warning, location: positions.location(of: path),
                path: path, problem: "\(target) does not start with `\(path): \(value)`",
                details: [reason]))
    }

    /// Takes note of the keys of a `config.json` that change how a model computes, other than those
    /// that the target knows.
    mutating func loseVariations(of model: Model, except known: Set<String>) {
        for variation in model.variations where !known.contains(variation.key) {
            lose(
                "model.\(variation.key)", variation.value,
                instead: "the model computes as if the key were not there")
        }
    }

    /// Takes note of something that the deployment leaves open and the files have to say.
    mutating func assume(_ path: String, _ assumption: String) {
        add(
            Diagnostic(
                .exportAssumption, severity: .note, location: positions.location(of: path),
                path: path, problem: assumption))
    }

    /// The notes in the order of the places they name.
    func sorted() -> [Diagnostic] {
        notes.sortedByPosition(first: positions.location(of: "")?.file)
    }

    mutating func add(_ note: Diagnostic) {
        if !notes.contains(note) { notes.append(note) }
    }

    mutating func add(_ others: LossNotes) {
        for note in others.notes { add(note) }
    }

    /// The notes as lines of comments, without the sign that starts one.
    var comments: [String] {
        sorted().flatMap { note in
            let problem = note.problem.replacing("\(target) cannot express ", with: "")
            return wrapped("-", problem, indent: 2)
                + note.details.flatMap { wrapped(" ", $0, indent: 4) }
        }
    }
}

/// Text in lines of at most 96 columns, those after the first indented.
private func wrapped(_ first: String, _ text: String, indent: Int) -> [String] {
    var lines = [first]
    for word in text.split(separator: " ") {
        let line = lines[lines.count - 1]
        if line.count + 1 + word.count <= 96 {
            lines[lines.count - 1] = line + " " + word
        } else {
            lines.append(String(repeating: " ", count: indent) + word)
        }
    }
    return lines
}
