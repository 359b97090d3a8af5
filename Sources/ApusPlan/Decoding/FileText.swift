package import ApusBase

/// What a file may hold before Apus reads it, so that no file costs more than a second.
package enum FileLimits {
    package static let size = Bytes(256 * 1024)
    static let nestingDepth = 32
    static let nodeCount = 20_000
    /// Aliases multiply: three levels of them are already more than any deployment needs, and
    /// eight cannot grow a text more than some twenty times.
    static let aliasCount = 8
    static let textLength = 4096
    /// Beyond so many problems a message helps nobody.
    static let problemCount = 100
}

/// The text of a file that was read as bytes, once its size and its encoding are known to be good.
package func fileText(_ bytes: [UInt8], file: String) throws(Problems) -> String {
    try checkFileSize(bytes.count, file: file)
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    throw Problems([invalidUTF8(in: bytes, file: file)])
}

func checkFileSize(_ size: Int, file: String) throws(Problems) {
    guard size > FileLimits.size.count else { return }
    throw Problems([fileTooLarge(file)])
}

/// What is said about a file that is larger than `FileLimits.size`, without its size: nobody reads
/// that far.
package func fileTooLarge(_ file: String) -> Diagnostic {
    Diagnostic(
        .fileSize, location: .init(file: file),
        problem: "the file is too large for a deployment and is not read",
        expected: "at most \(grouped(FileLimits.size.count)) bytes (256 KiB)",
        hint: "a deployment or a `config.json` takes a few kilobytes; is this the right file?")
}

private func invalidUTF8(in bytes: [UInt8], file: String) -> Diagnostic {
    var parser = UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    var position = TextPosition(line: 1, column: 1)
    var offset = 0
    decoding: while true {
        switch parser.parseScalar(from: &iterator) {
        case .valid(let scalar):
            offset += scalar.count
            let isLineEnd = scalar.first == UInt8(ascii: "\n")
            position =
                isLineEnd
                ? TextPosition(line: position.line + 1, column: 1)
                : TextPosition(line: position.line, column: position.column + 1)
        case .error, .emptyInput:
            break decoding
        }
    }
    let byte = offset < bytes.count ? bytes[offset] : 0
    let digits = String(byte, radix: 16, uppercase: true)
    return Diagnostic(
        .fileEncoding,
        location: .init(file: file, line: position.line, column: position.column),
        problem: "byte 0x\(digits.count < 2 ? "0" : "")\(digits) is not UTF-8",
        expected: "text in UTF-8",
        hint: "save the file as UTF-8, for example with `iconv -t UTF-8`")
}
