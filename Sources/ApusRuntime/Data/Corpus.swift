package import ApusBase
import ApusSystem
import BasicContainers

/// Files read as one sequence of byte tokens: tokens 0…255 are bytes, one token stands between two
/// files.
///
/// The token between files is 256 where the vocabulary has it, else byte 0. Empty files are left
/// out. The files stay mapped, so a corpus costs no memory that the system cannot take back.
package struct Corpus: ~Copyable {
    /// The path of each file, in the order in which they are read.
    package let paths: [String]
    /// The size of all files together.
    package let size: Bytes
    /// The count of tokens, with those between files.
    package let tokenCount: Int
    private let files: UniqueArray<MappedFile>
    /// The index of the first token of each file.
    private let starts: [Int]
    private let separator: Int64

    /// Opens every file that the paths lead to: files as they are named, folders with all files in
    /// them, sorted.
    ///
    /// - Throws: `Problems` with every path that could not be read, or with the vocabulary.
    package init(paths: [String], vocabulary: Int) throws(Problems) {
        guard vocabulary >= 256 else {
            throw Problems([.byteVocabulary(vocabulary)])
        }
        var problems: [Diagnostic] = []
        var files = UniqueArray<MappedFile>()
        var found: [String] = []
        for path in paths {
            do throws(SystemError) {
                for file in try FileTree.files(at: path) {
                    let mapped = try MappedFile(path: file)
                    guard mapped.count > 0 else { continue }
                    found.append(file)
                    files.append(mapped)
                }
            } catch {
                problems.append(.missingData(error))
            }
        }
        if paths.isEmpty { problems.append(.noData) }
        guard problems.isEmpty else { throw Problems(problems) }

        var starts: [Int] = []
        var bytes = 0
        for index in 0..<files.count {
            starts.append(bytes + index)
            bytes += files[index].count
        }
        self.paths = found
        self.size = Bytes(bytes)
        self.tokenCount = bytes + max(0, files.count - 1)
        self.files = files
        self.starts = starts
        self.separator = vocabulary > 256 ? 256 : 0
    }

    /// The tokens with these indices, `[range.count]`.
    package func tokens(in range: Range<Int>) -> [Int64] {
        precondition(range.lowerBound >= 0, "tokens from 0 on")
        precondition(range.upperBound <= tokenCount, "tokens within the corpus")
        var tokens: [Int64] = []
        tokens.reserveCapacity(range.count)
        var file = fileIndex(of: range.lowerBound)
        var next = range.lowerBound
        while next < range.upperBound {
            let start = starts[file]
            let end = min(range.upperBound - start, files[file].count)
            if next - start < end {
                files[file].withBytes(in: (next - start)..<end) { bytes in
                    for index in bytes.indices { tokens.append(Int64(bytes[index])) }
                }
                next = start + end
            }
            if next < range.upperBound {
                tokens.append(separator)
                next += 1
            }
            file += 1
        }
        return tokens
    }

    /// The file that holds a token, or that stands before it if it is a separator.
    private func fileIndex(of token: Int) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= token { low = middle } else { high = middle }
        }
        return low
    }

    /// Counts each byte value in a part of the files' bytes, separators left out.
    func countBytes(in range: Range<Int>, into counts: inout [Int]) {
        var first = 0
        for index in 0..<files.count {
            let count = files[index].count
            let part = range.clamped(to: first..<(first + count))
            if !part.isEmpty {
                files[index].withBytes(in: (part.lowerBound - first)..<(part.upperBound - first)) {
                    bytes in
                    for index in bytes.indices { counts[Int(bytes[index])] += 1 }
                }
            }
            first += count
        }
    }
}

extension Diagnostic {
    fileprivate static func byteVocabulary(_ vocabulary: Int) -> Diagnostic {
        Diagnostic(
            .dataVocabulary, path: "model.vocab_size",
            problem: "a vocabulary of \(vocabulary) has no token for some bytes of the text",
            expected: "at least 256, or 257 with a token of its own between files")
    }

    fileprivate static func missingData(_ error: SystemError) -> Diagnostic {
        Diagnostic(
            .dataMissing, problem: "cannot read training text: \(error)",
            expected: "a text file, or a folder that holds some",
            hint: "names that start with a dot are left out of folders")
    }

    fileprivate static var noData: Diagnostic {
        Diagnostic(
            .dataMissing, problem: "no training text is named",
            expected: "`--data PATH` with a text file or a folder, once or more often")
    }
}
