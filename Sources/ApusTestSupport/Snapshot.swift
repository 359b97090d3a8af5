import Foundation
package import Testing

/// Compares text with the stored `Tests/Snapshots/<name>.txt`.
///
/// With `APUS_RECORD=1` in the environment the text is stored instead, for a person to read before
/// it is committed.
package func expectSnapshot(
    _ text: String, named name: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let file = Repository.root.appending(path: "Tests/Snapshots/\(name).txt")
    if ProcessInfo.processInfo.environment["APUS_RECORD"] == "1" {
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return
    }
    guard let data = try? Data(contentsOf: file) else {
        Issue.record(
            "there is no snapshot `\(name)`; APUS_RECORD=1 makes one",
            sourceLocation: sourceLocation)
        return
    }
    let stored = String(decoding: data, as: UTF8.self)
    guard stored != text else { return }
    Issue.record(
        "snapshot `\(name)` differs; APUS_RECORD=1 accepts it\n\(firstDifference(stored, text))",
        sourceLocation: sourceLocation)
}

/// The first lines in which two texts differ, one under the other.
private func firstDifference(_ stored: String, _ text: String) -> String {
    let old = stored.split(separator: "\n", omittingEmptySubsequences: false)
    let new = text.split(separator: "\n", omittingEmptySubsequences: false)
    for line in 0..<max(old.count, new.count) {
        let before = line < old.count ? old[line] : "(end)"
        let after = line < new.count ? new[line] : "(end)"
        if before != after { return "line \(line + 1)\n- \(before)\n+ \(after)" }
    }
    return "only the last line end differs"
}
