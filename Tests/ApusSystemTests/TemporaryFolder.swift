import ApusSystem
import Glibc

/// A folder that lives as long as the test that made it.
final class TemporaryFolder {
    let path: String

    init() throws {
        let parent = Host.environment()["TMPDIR"] ?? P_tmpdir
        var template = Array("\(parent)/apus-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TemporaryFolderError() }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { removeTree(path) }

    /// Writes a file, with the folders that it needs, and returns its path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try write(Array(text.utf8), to: name)
    }

    @discardableResult
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let full = "\(path)/\(name)"
        for index in full.indices.dropFirst(path.count + 1) where full[index] == "/" {
            mkdir(String(full[..<index]), 0o700)
        }
        guard let file = fopen(full, "w") else { throw TemporaryFolderError() }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
        return full
    }
}

struct TemporaryFolderError: Error {}

private func removeTree(_ path: String) {
    if let stream = opendir(path) {
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { removeTree("\(path)/\(name)") }
        }
        closedir(stream)
    }
    remove(path)
}
