import Glibc

/// What a path names, how large it is, and which file it is whatever its names.
struct FileStatus: Hashable {
    enum Kind: Hashable {
        case regular, folder, other
    }

    /// Two paths lead to the same file when their identities are equal.
    struct Identity: Hashable {
        var device: UInt
        var inode: UInt
    }

    var kind: Kind
    var size: Int
    var identity: Identity

    fileprivate init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFDIR: kind = .folder
        default: kind = .other
        }
        size = Int(status.st_size)
        identity = Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    }
}

/// The status of what a path names, links followed.
func fileStatus(at path: String) throws(SystemError) -> FileStatus {
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
