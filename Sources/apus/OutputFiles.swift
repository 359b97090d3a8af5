import ApusBase
import ApusPlan
import ApusSystem

/// Refuses to write to paths where something is that the user would not want to lose.
///
/// A device, FIFO, folder or socket is refused always, also behind a link: the new file would take
/// its place. So is an input. Another file is overwritten only with `--force`.
func refuseToOverwrite(
    _ paths: [String], force: Bool, inputs: [String] = []
) throws(Problems) {
    let inputs = inputs.compactMap { try? fileStatus(at: $0).identity }
    var problems: [Diagnostic] = []
    var present: [String] = []
    for path in paths {
        guard let file = try? fileStatus(at: path) else { continue }
        if let kind = file.oddKind {
            problems.append(
                Diagnostic(
                    .system, location: Diagnostic.Location(file: path),
                    problem: "the path is that of a \(kind), not of a regular file",
                    expected: "a new file, or a regular one with `--force`"))
        } else if inputs.contains(file.identity) {
            problems.append(
                Diagnostic(
                    .system, location: Diagnostic.Location(file: path),
                    problem: "the file to write is one of the inputs"))
        } else if !force {
            present.append(path)
        }
    }
    if !present.isEmpty { problems.append(existing(present)) }
    guard problems.isEmpty else { throw Problems(problems) }
}

/// What is said of files that are there already.
private func existing(_ paths: [String]) -> Diagnostic {
    guard paths.count > 1 else {
        return Diagnostic(
            .system, location: Diagnostic.Location(file: paths[0]),
            problem: "the file exists already", hint: "`--force` overwrites it")
    }
    return Diagnostic(
        .system, problem: "\(counted(paths.count, "file", "files")) exist already",
        details: paths, hint: "`--force` overwrites them")
}
