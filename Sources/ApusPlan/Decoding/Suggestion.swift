/// The names that a reader may have meant, for a message about a name that is not one of them.
package struct Suggestion {
    /// The names in alphabetical order.
    ///
    /// Where there are many and one of them was surely meant, these are the first five of the list,
    /// which is in order of use, and `…`.
    package var expected: String
    /// The nearest name, where it is near enough to be a slip.
    package var nearest: String?

    package init(for name: String, among allowed: [String]) {
        let best = allowed.map { (distance: editDistance(name, $0), name: $0) }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
        if let best, best.distance <= max(1, best.name.count / 3) { nearest = best.name }
        let isShort = allowed.count <= 8 || nearest == nil
        let shown = (isShort ? allowed : Array(allowed.prefix(5))).sorted()
        expected = shown.joined(separator: ", ") + (isShort ? "" : ", …")
    }

    package var hint: String? { nearest.map { "did you mean `\($0)`?" } }
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour to make one
/// name of the other.
///
/// Only the first 64 letters count. Source: Damerau 1964, in the restricted form (optimal string
/// alignment).
func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left.unicodeScalars.prefix(64))
    let right = Array(right.unicodeScalars.prefix(64))
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for (row, letter) in left.enumerated() {
        var current = [row + 1]
        for (column, other) in right.enumerated() {
            var best = min(
                last[column + 1] + 1, current[column] + 1,
                last[column] + (letter == other ? 0 : 1))
            if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                best = min(best, beforeLast[column - 1] + 1)
            }
            current.append(best)
        }
        beforeLast = last
        last = current
    }
    return last[right.count]
}
