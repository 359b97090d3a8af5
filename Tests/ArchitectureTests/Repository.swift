import Foundation

/// The files of this repository, without what `.gitignore` names.
struct Repository {
    struct File {
        /// Relative to the root, as in `Sources/ApusPlan/Plan.swift`.
        let path: String
        let text: String
        /// The text with code and comments told apart; nil where that is not known how.
        let source: SourceText?

        init(path: String, text: String) {
            self.path = path
            self.text = text
            if path.hasSuffix(".swift") {
                source = SourceText(text)
            } else {
                let isC = [".cpp", ".hpp", ".h", ".c"].contains { path.hasSuffix($0) }
                source = isC ? SourceText(text, language: .cPlusPlus) : nil
            }
        }

        var name: String { String(path.split(separator: "/").last ?? "") }
        var folder: String { path.split(separator: "/").dropLast().joined(separator: "/") }
    }

    /// Every file that is text, sorted by path.
    let files: [File]

    init(files: [File]) {
        self.files = files
    }

    /// The repository that this file was compiled in, read once for all tests.
    static func here() throws -> Repository {
        try whole.get()
    }

    private static let whole = Result { try read() }

    private static func read() throws -> Repository {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let ignored = try String(contentsOf: root.appending(path: ".gitignore"), encoding: .utf8)
            .split(separator: "\n").map { $0.hasSuffix("/") ? String($0.dropLast()) : String($0) }
        var files: [File] = []
        var folders = [""]
        while let folder = folders.popLast() {
            let names = try FileManager.default.contentsOfDirectory(
                atPath: root.appending(path: folder).path)
            for name in names where name != ".git" && !matches(name, anyOf: ignored) {
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                let kind = try FileManager.default.attributesOfItem(
                    atPath: root.appending(path: path).path)[.type]
                if kind as? FileAttributeType == .typeDirectory {
                    folders.append(path)
                } else if kind as? FileAttributeType == .typeRegular,
                    let text = try? String(contentsOf: root.appending(path: path), encoding: .utf8)
                {
                    files.append(File(path: path, text: text))
                }
            }
        }
        return Repository(files: files.sorted { $0.path < $1.path })
    }

    /// The files whose path starts with `folder/`.
    func files(in folder: String) -> [File] {
        files.filter { $0.path.hasPrefix("\(folder)/") }
    }

    private static func matches(_ name: String, anyOf patterns: [String]) -> Bool {
        patterns.contains { pattern in
            guard let star = pattern.firstIndex(of: "*") else { return name == pattern }
            return name.hasPrefix(pattern[..<star])
                && name.hasSuffix(pattern[pattern.index(after: star)...])
        }
    }
}

/// A place in the repository that breaks a rule.
struct Violation: Hashable, CustomStringConvertible {
    let path: String
    let line: Int?
    let problem: String

    init(_ path: String, line: Int? = nil, _ problem: String) {
        self.path = path
        self.line = line
        self.problem = problem
    }

    var description: String { "\(path):\(line.map { "\($0): " } ?? " ")\(problem)" }
}
