import Glibc

/// An open file, pipe or socket, closed when its last user lets go of it.
///
/// It is a class because whoever owns a descriptor and whoever waits for it both hold it, and it
/// must be closed exactly once. It is closed in every program that this process starts, unless
/// ``ChildProcess`` hands it down.
package final class Descriptor: Sendable {
    package let number: Int32

    /// Takes over an open descriptor, which must not be closed by anybody else from now on.
    package init(takingOver number: Int32) {
        self.number = number
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    }

    deinit { _ = close(number) }

    /// Opens a file, closed in programs that this process starts.
    static func open(
        _ path: String, _ flags: Int32, mode: mode_t = 0
    ) throws(SystemError) -> Descriptor {
        let number = retrying { Glibc.open(path, flags | O_CLOEXEC, mode) }
        guard number >= 0 else { throw SystemError("open", path, code: errno) }
        return Descriptor(takingOver: number)
    }

    /// A descriptor with this number, if this process has one open.
    ///
    /// It is how a rank takes over what its supervisor handed down.
    package static func inherited(_ number: Int32) throws(SystemError) -> Descriptor {
        guard number >= 0, fcntl(number, F_GETFD) >= 0 else {
            throw SystemError("use descriptor", "\(number)", code: EBADF)
        }
        return Descriptor(takingOver: number)
    }

    /// Another number for the same file, for a library that closes it itself.
    package func duplicate() throws(SystemError) -> Int32 {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else {
            throw SystemError("duplicate", "descriptor \(number)", code: errno)
        }
        return copy
    }

    /// A pipe; what is written at one end is read at the other.
    package static func pipe() throws(SystemError) -> (reading: Descriptor, writing: Descriptor) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw SystemError("make", "a pipe", code: errno) }
        return (Descriptor(takingOver: ends[0]), Descriptor(takingOver: ends[1]))
    }

    /// Reads what is there, at most `count` bytes, waiting when there is nothing; empty at the end.
    package func read(upTo count: Int = 65_536) throws(SystemError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let length = retrying { Glibc.read(number, buffer.baseAddress, buffer.count) }
            failure = length < 0 ? errno : 0
            filled = max(0, length)
        }
        guard failure == 0 else {
            throw SystemError("read", "descriptor \(number)", code: failure)
        }
        return bytes
    }

    /// Writes all bytes, waiting where needed.
    package func write(_ bytes: [UInt8]) throws(SystemError) {
        var offset = 0
        while offset < bytes.count {
            let length = bytes.withUnsafeBytes { buffer in
                retrying {
                    Glibc.write(
                        number, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
                }
            }
            guard length >= 0 else {
                throw SystemError("write", "descriptor \(number)", code: errno)
            }
            offset += length
        }
    }

    /// Makes sure that what was written survives a power cut.
    package func synchronize() throws(SystemError) {
        guard retrying({ fsync(number) }) == 0 else {
            throw SystemError("flush", "descriptor \(number)", code: errno)
        }
    }
}

/// Waits until at least one descriptor has something to read or has ended, or the time is over.
///
/// Returns, in the order given, which of them a read would not wait on.
package func waitReadable(
    _ descriptors: [Descriptor], timeout seconds: Double
) throws(SystemError) -> [Bool] {
    var entries = descriptors.map {
        pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0)
    }
    let milliseconds = Int32(max(0, min(seconds * 1000, 1e9)).rounded(.up))
    let count = poll(&entries, nfds_t(entries.count), milliseconds)
    guard count >= 0 || errno == EINTR else {
        throw SystemError("wait for", "\(descriptors.count) descriptors", code: errno)
    }
    return withExtendedLifetime(descriptors) { entries.map { count > 0 && $0.revents != 0 } }
}

/// Makes a write to a pipe that nobody reads an error of that write instead of the end of the
/// process.
package func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }
