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

    /// The key path of a plan's bucket: an entry of its list, or the plan itself.
    ///
    /// A plan without a list is the one bucket for all lengths.
    package func path(ofBucket index: Int, in plan: Plan) -> String {
        let buckets = "plan.by_sequence_length"
        let isInPlan = plan.buckets.first?.lengthMax == nil && !contains(buckets)
        return isInPlan ? "plan" : "\(buckets)[\(index)]"
    }

    /// Whether the file has the key, or keys within it.
    package func contains(_ path: String) -> Bool { locations[path] != nil }

    mutating func insert(_ location: Diagnostic.Location, for path: String) {
        locations[path] = location
    }
}

extension [Diagnostic] {
    /// In the order of the places they name: those of the file `first`, then those of other files.
    package func sortedByPosition(first: String?) -> [Diagnostic] {
        func order(_ problem: Diagnostic) -> (Int, String, Int, Int) {
            let location = problem.location
            return (
                location?.file == first ? 0 : 1, location?.file ?? "", location?.line ?? 0,
                location?.column ?? 0
            )
        }
        return enumerated()
            .sorted { left, right in
                let (place, other) = (order(left.element), order(right.element))
                return place == other ? left.offset < right.offset : place < other
            }
            .map(\.element)
    }
}
