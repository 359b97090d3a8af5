package import ApusBase

/// Where each key of a deployment stands, so that a message about it can say so.
///
/// A deployment that no file holds has none; its messages then name the key path alone.
package struct KeyPositions: Hashable, Sendable {
    private var locations: [String: Diagnostic.Location] = [:]

    package init() {}

    /// The place of a key, or of the innermost section around it that a file holds.
    package func location(of path: String) -> Diagnostic.Location? {
        if let location = locations[path] { return location }
        return Self.pathsAround(path).lazy.compactMap { locations[$0] }.first
    }

    /// The key paths of the sections around a key, from the innermost to the root.
    static func pathsAround(_ path: String) -> [String] {
        var paths: [String] = []
        var rest = path[...]
        while let end = rest.lastIndex(where: { $0 == "." || $0 == "[" }) {
            rest = rest[..<end]
            paths.append(String(rest))
        }
        return path.isEmpty ? [] : paths + [""]
    }

    func contains(_ path: String) -> Bool { locations[path] != nil }

    mutating func insert(_ location: Diagnostic.Location, for path: String) {
        locations[path] = location
    }
}
