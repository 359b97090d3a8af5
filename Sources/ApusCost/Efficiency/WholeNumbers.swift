/// The whole numbers in `text`, separated by anything else, times `unit`.
///
/// Generated tables are text, since thousands of literals would take the compiler seconds.
func numbers(in text: String, unit: Double) -> [Double] {
    var values: [Double] = []
    var value = 0
    var isNegative = false
    var isNumber = false
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            value = value &* 10 &+ Int(byte - UInt8(ascii: "0"))
            isNumber = true
        case UInt8(ascii: "-"):
            isNegative = true
        case _:
            if isNumber { values.append(Double(isNegative ? -value : value) * unit) }
            (value, isNegative, isNumber) = (0, false, false)
        }
    }
    if isNumber { values.append(Double(isNegative ? -value : value) * unit) }
    return values
}
