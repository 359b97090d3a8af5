/// The program of one sequence length in its text form, as `--json` gives it out.
struct ProgramText: Encodable {
    var sequence_length: Int
    var program: [String]
}

/// What turns the lines of one program into those of another.
struct ProgramDifference: Encodable {
    var sequence_length: Int
    /// Whether both deployments have a program for the length.
    var in_both: Bool
    /// Each line that goes as `- 12: …`, each that comes as `+ 12: …`, numbered from 1.
    var changes: [String]

    init(sequence_length: Int, before: [String]?, after: [String]?) {
        self.sequence_length = sequence_length
        in_both = before != nil && after != nil
        guard let before, let after else {
            changes = []
            return
        }
        changes = lineChanges(from: before, to: after)
    }

    var isEmpty: Bool { in_both && changes.isEmpty }

    /// The difference as text, under a line with the length.
    var lines: [String] {
        let what =
            in_both
            ? changes.isEmpty ? "the programs are the same" : "\(changes.count) lines differ"
            : "only one of the deployments has it"
        return ["length \(sequence_length): \(what)"] + changes
    }
}

/// The lines that go and come between two texts, in the order in which they stand.
private func lineChanges(from before: [String], to after: [String]) -> [String] {
    var removed: Set<Int> = []
    var inserted: Set<Int> = []
    for change in after.difference(from: before) {
        switch change {
        case .remove(let offset, _, _): removed.insert(offset)
        case .insert(let offset, _, _): inserted.insert(offset)
        }
    }
    var changes: [String] = []
    var (old, new) = (0, 0)
    while old < before.count || new < after.count {
        if removed.contains(old) {
            changes.append("- \(old + 1): \(before[old])")
            old += 1
        } else if inserted.contains(new) {
            changes.append("+ \(new + 1): \(after[new])")
            new += 1
        } else {
            (old, new) = (old + 1, new + 1)
        }
    }
    return changes
}
