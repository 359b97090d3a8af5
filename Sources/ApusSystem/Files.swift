import Glibc

/// Reads a whole file of at most `limit` bytes; a larger one, or one that is no file, is an error.
package func readFile(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
    let file = try Descriptor.open(path, O_RDONLY | O_NONBLOCK)
    guard try fileStatus(of: file, path: path).kind == .regular else {
        throw SystemError("read", path, code: EINVAL, reason: "it is not a regular file")
    }
    var bytes: [UInt8] = []
    while true {
        // One byte more than allowed tells a full file from one that is too large. The size in the
        // status is no help: files under /proc say 0.
        let room = min(limit - bytes.count, 1 << 20) + 1
        let piece: [UInt8]
        do throws(SystemError) {
            piece = try file.read(upTo: room)
        } catch {
            throw SystemError("read", path, code: error.code)
        }
        if piece.isEmpty { return bytes }
        bytes += piece
        guard bytes.count <= limit else {
            throw SystemError(
                "read", path, code: EFBIG, reason: "it is larger than the limit of \(limit) bytes")
        }
    }
}

/// Replaces a file in one go: whoever reads it, even after a power cut, finds the old bytes or the
/// new ones, never a part.
package func writeFileAtomically(_ bytes: [UInt8], to path: String) throws(SystemError) {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let folder = slash.map { String(path[...$0]) } ?? "."
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    let temporary = (slash == nil ? "" : folder) + ".\(name).\(getpid()).tmp"
    do throws(SystemError) {
        // A file of this name is what an earlier process with this number left when it died.
        unlink(temporary)
        let file = try Descriptor.open(
            temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o666)
        do throws(SystemError) {
            try file.write(bytes)
            try file.synchronize()
            guard rename(temporary, path) == 0 else {
                throw SystemError("write", path, code: errno)
            }
        } catch {
            unlink(temporary)
            throw error
        }
        try Descriptor.open(folder, O_RDONLY | O_DIRECTORY).synchronize()
    } catch {
        throw SystemError("write", path, code: error.code)
    }
}

/// A log that grows line by line; each line is in the file when `append` returns.
package struct LineWriter: ~Copyable {
    package let path: String
    private let file: Descriptor

    /// Opens a log, starting it anew unless `keeping` what is there.
    ///
    /// A file of `inputs`, under whatever name, is refused before anything in it is lost.
    package init(
        path: String, keeping: Bool = false, inputs: [String] = []
    ) throws(SystemError) {
        file = try openLog(path, keeping: keeping, inputs: inputs)
        self.path = path
    }

    /// Adds one line; `line` itself has no line break.
    package borrowing func append(_ line: String) throws(SystemError) {
        do throws(SystemError) {
            try file.write(Array(line.utf8) + [UInt8(ascii: "\n")])
        } catch {
            throw SystemError("write", path, code: error.code)
        }
    }
}

private func openLog(
    _ path: String, keeping: Bool, inputs: [String]
) throws(SystemError) -> Descriptor {
    // Without waiting: a pipe that nobody reads is an error, not a wait without end.
    let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, mode: 0o666)
    let status = try fileStatus(of: file, path: path)
    for input in inputs where try fileStatus(at: input).identity == status.identity {
        let reason = "it is read by this run as `\(input)`"
        throw SystemError("write a log to", path, code: EEXIST, reason: reason)
    }
    guard !keeping, status.kind == .regular else { return file }
    guard retrying({ ftruncate(file.number, 0) }) == 0 else {
        throw SystemError("empty", path, code: errno)
    }
    return file
}
