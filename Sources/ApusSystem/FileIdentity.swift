import Glibc

/// Which file a path leads to, links followed; `nil` where it leads to none.
package struct FileIdentity: Equatable {
    private let device: UInt
    private let node: UInt
    private let mode: UInt32

    package init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt(status.st_dev)
        node = UInt(status.st_ino)
        mode = status.st_mode & S_IFMT
    }

    /// What it is, where it is not a regular file.
    package var oddKind: String? {
        switch mode {
        case S_IFREG: nil
        case S_IFDIR: "folder"
        case S_IFIFO: "FIFO"
        case S_IFSOCK: "socket"
        default: "device"
        }
    }
}
