import Glibc

/// The regular files that a path stands for.
package enum FileTree {
    /// The file itself, or all regular files in a folder and its folders, sorted by path bytes.
    ///
    /// Names that start with a dot are left out, unless `path` itself is one. Links are followed,
    /// each folder is visited once. A path that leads to no file is an error.
    package static func files(at path: String) throws(SystemError) -> [String] {
        let status = try fileStatus(at: path)
        switch status.kind {
        case .regular: return [path]
        case .other:
            throw SystemError(
                "read", path, code: EINVAL, reason: "it is neither a regular file nor a folder")
        case .folder: break
        }
        var found: [String] = []
        var visited: Set<FileStatus.Identity> = [status.identity]
        var folders = [path]
        while let folder = folders.popLast() {
            for name in try names(in: folder) where !name.hasPrefix(".") {
                let child = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
                guard let status = try? fileStatus(at: child) else { continue }
                switch status.kind {
                case .regular: found.append(child)
                case .folder where visited.insert(status.identity).inserted: folders.append(child)
                case .folder, .other: break
                }
            }
        }
        guard !found.isEmpty else {
            throw SystemError("read", path, code: ENOENT, reason: "the folder holds no files")
        }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The names in a folder, in no particular order, without `.` and `..`.
    private static func names(in folder: String) throws(SystemError) -> [String] {
        guard let stream = opendir(folder) else {
            throw SystemError("open", folder, code: errno)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let name else {
                throw SystemError(
                    "read", folder, code: EILSEQ, reason: "it holds a name that is not UTF-8")
            }
            if name != ".", name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw SystemError("read", folder, code: errno) }
        return names
    }
}
