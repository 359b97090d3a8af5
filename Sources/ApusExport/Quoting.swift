/// A word of a shell command that stands for exactly `text`.
func shellWord(_ text: String) -> String {
    let isPlain =
        !text.isEmpty
        && text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: ","), UInt8(ascii: ":"),
                UInt8(ascii: "="), UInt8(ascii: "+"):
                true
            default: false
            }
        }
    if isPlain { return text }
    guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
        return escapedShellWord(text)
    }
    return "'" + text.replacing("'", with: "'\\''") + "'"
}

/// A word of bash with control characters: they are escaped, so that the word stays on its line.
private func escapedShellWord(_ text: String) -> String {
    var result = "$'"
    for letter in text.unicodeScalars {
        switch letter.value {
        case 0x27, 0x5C: result += "\\" + String(letter)
        case 0..<0x20, 0x7F:
            let digits = String(letter.value, radix: 16)
            result += "\\x" + (digits.count < 2 ? "0" : "") + digits
        default: result.unicodeScalars.append(letter)
        }
    }
    return result + "'"
}

/// A string literal of JSON, which YAML and Python read as the same text.
func quoted(_ text: String) -> String {
    var result = "\""
    for letter in text.unicodeScalars {
        switch letter.value {
        case 0x22: result += "\\\""
        case 0x5C: result += "\\\\"
        case 0x0A: result += "\\n"
        // What a reader of YAML would refuse or fold is escaped: controls, line separators, the
        // byte order mark.
        case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD,
            0x1_0000...0x10_FFFF:
            result.unicodeScalars.append(letter)
        default:
            let digits = String(letter.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
    }
    return result + "\""
}

/// Text that cannot leave the line of a comment, whatever reads the file.
func commentText(_ text: String) -> String {
    String(
        String.UnicodeScalarView(
            text.unicodeScalars.map { letter in
                switch letter.value {
                case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE,
                    0xFF00...0xFFFD, 0x1_0000...0x10_FFFF:
                    letter
                default: "?"
                }
            }))
}

/// Lines of comments that start with `#`.
func hashComments(_ lines: [String]) -> [String] {
    lines.map { $0.isEmpty ? "#" : "# " + commentText($0) }
}

/// The name of a job after its deployment's file: letters, digits and hyphens, as Kubernetes
/// allows in a host name.
func jobName(file: String) -> String {
    let name = file.split(separator: "/").last ?? ""
    let stem = name.split(separator: ".").first ?? ""
    var result = ""
    for letter in stem.lowercased().utf8.prefix(40) {
        switch letter {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            result.unicodeScalars.append(Unicode.Scalar(letter))
        default: if !result.isEmpty, !result.hasSuffix("-") { result += "-" }
        }
    }
    while result.hasSuffix("-") { result.removeLast() }
    // A host name that is a service's, too, starts with a letter.
    guard let first = result.first else { return "apus" }
    return first.isLetter ? result : "apus-" + result
}
