import ApusBase

/// A number with three significant digits as a person reads it: `0.0787`, `12.5`, `184 M`.
package func figure(_ value: Double) -> String {
    let magnitude = value.magnitude
    guard value.isFinite, magnitude > 0 else {
        return significant(value) == "0.00" ? "0" : "\(value)"
    }
    if magnitude >= 100_000 { return count(value) }
    if magnitude >= 100 { return fixed(value, decimals: 0) }
    guard magnitude >= 1e-6 else { return "\(value)" }
    var decimals = 2
    var scaled = magnitude
    while scaled < 1, decimals < 9 {
        scaled *= 10
        decimals += 1
    }
    if magnitude >= 10 { decimals = 1 }
    let text = fixed(value, decimals: decimals)
    let trimmed = text.reversed().drop { $0 == "0" }
    return String(String(trimmed.first == "." ? trimmed.dropFirst() : trimmed).reversed())
}

/// A large number in short, such as `184 M` or `18.0 G`.
func count(_ value: Double) -> String {
    let units = ["", " k", " M", " G", " T", " P", " E"]
    var value = value
    var unit = 0
    while value.magnitude >= 1000, unit + 1 < units.count {
        value /= 1000
        unit += 1
    }
    return significant(value) + units[unit]
}
