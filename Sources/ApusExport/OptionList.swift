/// Options of a command line that a script keeps in an array of its own.
struct OptionList: Hashable, Sendable {
    let name: String
    private(set) var words: [[String]] = []

    init(_ name: String) { self.name = name }

    mutating func add(_ flag: String, _ values: String...) { words.append([flag] + values) }
    mutating func add(_ flag: String, _ value: Int) { words.append([flag, "\(value)"]) }

    mutating func add(_ flag: String, if isSet: Bool) {
        if isSet { words.append([flag]) }
    }

    /// The array as the script sets it, one option a line.
    var lines: [String] {
        ["\(name)=("]
            + words.map { "    " + $0.map(shellWord).joined(separator: " ") } + [")"]
    }

    /// The array as a command uses it.
    var use: String { "\"${\(name)[@]}\"" }
}
