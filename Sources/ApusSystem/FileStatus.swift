import Glibc

/// What a path names, how large it is, and which file it is whatever its names.
package struct FileStatus: Hashable {
    enum Kind: Hashable {
        case regular, folder
        case other(String)
    }

    /// Two paths lead to the same file when their identities are equal.
    package struct Identity: Hashable {
        var device: UInt
        var inode: UInt
    }

    var kind: Kind
    var size: Int
    package var identity: Identity

    fileprivate init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFDIR: kind = .folder
        case S_IFIFO: kind = .other("FIFO")
        case S_IFSOCK: kind = .other("socket")
        default: kind = .other("device")
        }
        size = Int(status.st_size)
        identity = Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    }

    /// What it is, where it is not a regular file.
    package var oddKind: String? {
        switch kind {
        case .regular: nil
        case .folder: "folder"
        case .other(let name): name
        }
    }
}

/// The status of what a path names, links followed.
package func fileStatus(at path: String) throws(SystemError) -> FileStatus {
    var status = stat()
    guard retrying({ stat(path, &status) }) == 0 else {
        throw SystemError("open", path, code: errno)
    }
    return FileStatus(status)
}

/// The status of an open file, which cannot be exchanged for another meanwhile.
func fileStatus(of file: Descriptor, path: String) throws(SystemError) -> FileStatus {
    var status = stat()
    guard fstat(file.number, &status) == 0 else { throw SystemError("open", path, code: errno) }
    return FileStatus(status)
}
