/// A size in bytes.
package struct Bytes: Hashable, Comparable, Sendable {
    package var count: Int

    package init(_ count: Int) { self.count = count }

    package static let zero = Bytes(0)

    package static func + (left: Bytes, right: Bytes) -> Bytes { Bytes(left.count + right.count) }
    package static func - (left: Bytes, right: Bytes) -> Bytes { Bytes(left.count - right.count) }
    package static func * (count: Int, size: Bytes) -> Bytes { Bytes(count * size.count) }
    package static func += (left: inout Bytes, right: Bytes) { left = left + right }
    package static func -= (left: inout Bytes, right: Bytes) { left = left - right }
    package static func < (left: Bytes, right: Bytes) -> Bool { left.count < right.count }
}

extension Bytes: CustomStringConvertible {
    /// The size in decimal units with three significant digits, such as `1.31 MB`.
    package var description: String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB"]
        var value = Double(count)
        var unit = 0
        while value.magnitude >= 1000, unit + 1 < units.count {
            value /= 1000
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(significant(value)) \(units[unit])"
    }
}

/// A number with three significant digits, without an exponent, for people to read.
package func significant(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    let magnitude = value.magnitude
    let decimals = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2
    return fixed(value, decimals: decimals)
}

/// A number with a fixed count of decimals, rounded half away from zero.
///
/// The standard library alone cannot format a number so, and this module imports no Foundation.
package func fixed(_ value: Double, decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    // Beyond 2⁵³ the digits of a `Double` would be made up, beyond 2⁶³ no `Int` holds them.
    guard scaled < 0x1p53 else { return "\(value)" }
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return sign + "\(Int(scaled))" }
    let whole = Int(scaled / scale)
    let fraction = "\(Int(scaled - Double(whole) * scale))"
    let padding = String(repeating: "0", count: max(0, decimals - fraction.count))
    return "\(sign)\(whole).\(padding)\(fraction)"
}

/// A count with a space between each three digits, such as `435 962 368`.
package func grouped(_ count: Int) -> String {
    var digits = String(count.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
        groups.insert(String(digits.suffix(3)), at: 0)
        digits.removeLast(3)
    }
    groups.insert(digits, at: 0)
    return (count < 0 ? "-" : "") + groups.joined(separator: " ")
}

/// A duration in seconds.
///
/// Its arithmetic is inlined everywhere: a search of strategies does little else.
package struct Seconds: Hashable, Comparable, Sendable {
    package var count: Double

    @inlinable
    package init(_ count: Double) { self.count = count }

    package static let zero = Seconds(0)
    package static let infinity = Seconds(.infinity)

    @inlinable
    package static func + (left: Seconds, right: Seconds) -> Seconds {
        Seconds(left.count + right.count)
    }
    @inlinable
    package static func - (left: Seconds, right: Seconds) -> Seconds {
        Seconds(left.count - right.count)
    }
    @inlinable
    package static func * (factor: Double, time: Seconds) -> Seconds {
        Seconds(factor * time.count)
    }
    @inlinable
    package static func / (left: Seconds, right: Seconds) -> Double { left.count / right.count }
    @inlinable
    package static func += (left: inout Seconds, right: Seconds) { left = left + right }
    @inlinable
    package static func < (left: Seconds, right: Seconds) -> Bool { left.count < right.count }
}

extension Seconds: CustomStringConvertible {
    /// The time in its decimal unit with three significant digits, such as `1.31 ms`.
    package var description: String {
        let magnitude = count.magnitude
        if magnitude >= 1 || magnitude == 0 || !count.isFinite { return "\(significant(count)) s" }
        if magnitude >= 1e-3 { return "\(significant(count * 1e3)) ms" }
        return "\(significant(count * 1e6)) µs"
    }
}
