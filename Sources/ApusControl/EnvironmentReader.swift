import ApusBase

/// Reads variables of an environment and collects what is wrong with them.
struct EnvironmentReader {
    private let environment: [String: String]
    private(set) var problems: [Diagnostic] = []

    init(_ environment: [String: String]) { self.environment = environment }

    /// The value, unless it is missing or empty.
    func value(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    func has(_ name: String) -> Bool { value(name) != nil }

    /// Takes note of a variable that is missing or malformed.
    mutating func report(_ name: String, expected: String, hint: String? = nil) {
        let state = value(name).map { "is `\(shortened($0))`" } ?? "is missing"
        problems.append(
            Diagnostic(
                .rendezvous, problem: "environment variable `\(name)` \(state)",
                expected: expected, hint: hint))
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>, expected: String) -> Int? {
        guard let text = value(name), text.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int(text), range.contains(number)
        else {
            report(name, expected: expected)
            return nil
        }
        return number
    }

    mutating func worldSize(_ name: String) -> Int? {
        integer(name, in: 1...rankCountMax, expected: "a count of ranks from 1 to \(rankCountMax)")
    }

    /// An index below a count that another variable gives; without the count, any index.
    mutating func index(_ name: String, below count: Int?, of countName: String) -> Int? {
        let last = (count ?? rankCountMax) - 1
        let bound = count.map { "\($0 - 1), below `\(countName)` (\($0))" } ?? "\(last)"
        return integer(name, in: 0...last, expected: "an index from 0 to \(bound)")
    }

    mutating func port(_ name: String) -> Int? {
        integer(name, in: 1...65_535, expected: "a port from 1 to 65535")
    }

    /// A host name or a numeric address.
    mutating func address(_ name: String, hint: String? = nil) -> String? {
        guard let text = value(name), isHostName(text) else {
            report(name, expected: "the host name or address of rank 0", hint: hint)
            return nil
        }
        return text
    }
}

/// The largest job that Apus plans.
private let rankCountMax = 65_536

/// Whether a text may name a host: it reaches the resolver, and nothing like an option may.
func isHostName(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.count <= 255 && !text.hasPrefix("-")
        && text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "%"):
                true
            default: false
            }
        }
}

/// A value as a message quotes it: printable and short.
func shortened(_ text: String) -> String {
    let printable = text.unicodeScalars.map { scalar in
        scalar.value < 32 || scalar.value == 127 ? "?" : String(scalar)
    }
    return printable.count > 60 ? printable.prefix(57).joined() + "…" : printable.joined()
}
