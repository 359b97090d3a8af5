package import ApusBase

/// Where each key of a deployment stands, so that a message about it can say so.
///
/// A deployment that no file holds has none; its messages then name the key path alone.
package struct KeyPositions: Hashable, Sendable {
    private var locations: [String: Diagnostic.Location] = [:]

    package init() {}

    /// The place of a key, or of the innermost section around it that a file holds.
    package func location(of path: String) -> Diagnostic.Location? {
        var path = path[...]
        while true {
            if let location = locations[String(path)] { return location }
            guard let end = path.lastIndex(where: { $0 == "." || $0 == "[" }) else {
                return locations[""]
            }
            path = path[..<end]
        }
    }

    func contains(_ path: String) -> Bool { locations[path] != nil }

    mutating func insert(_ location: Diagnostic.Location, for path: String) {
        locations[path] = location
    }
}
