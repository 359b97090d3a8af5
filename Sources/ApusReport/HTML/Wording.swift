import ApusBase

/// How figures are written on the page; `–` stands for what is unknown.
enum Wording {
    static let unknown = "–"

    static func time(_ seconds: Double?) -> String {
        seconds.map { unbroken("\(Seconds($0))") } ?? unknown
    }

    static func bytes(_ count: Int?) -> String {
        count.map { unbroken("\(Bytes($0))") } ?? unknown
    }

    static func share(_ share: Double?) -> String {
        share.map { unbroken("\(fixed($0 * 100, decimals: 1)) %") } ?? unknown
    }

    static func signed(_ value: Double) -> String {
        let sign = value > 0 ? "+" : value < 0 ? "−" : ""
        return sign + fixed(value.magnitude, decimals: 1)
    }

    /// The text without places where a line may break between a number and its unit.
    private static func unbroken(_ text: String) -> String { text.replacing(" ", with: "\u{A0}") }

    static func number(_ value: Double?) -> String {
        guard let value else { return unknown }
        guard value.magnitude >= 1000, value.magnitude < 1e15 else { return significant(value) }
        return unbroken(grouped(Int(value.rounded())))
    }

    /// A number of a claim, whose size is not known beforehand.
    static func plain(_ value: Double) -> String {
        guard value.magnitude >= 1000 else {
            return value == value.rounded() ? fixed(value, decimals: 0) : significant(value)
        }
        return number(value)
    }

    static func counted(_ count: Int, _ noun: String) -> String {
        unbroken("\(grouped(count)) \(noun)\(count == 1 ? "" : "s")")
    }

    /// How far a prediction lies from its measurement, such as `+2.6 %`.
    static func deviation(_ predicted: Double?, _ measured: Double?) -> String {
        guard let predicted, let measured, measured != 0 else { return unknown }
        return unbroken("\(signed((predicted / measured - 1) * 100)) %")
    }
}
