import Glibc

/// A socket that takes connections at one address and one port.
package struct ListeningSocket: Sendable {
    package let descriptor: Descriptor
    package let port: Int

    /// Listens at a numeric address, by default at this host's own.
    ///
    /// Without a `port` the system chooses a free one. A port that a job has just left may be taken
    /// at once; one that somebody else listens on may not.
    package init(
        address: String = "127.0.0.1", port: Int = 0, backlog: Int = 1024
    ) throws(SystemError) {
        let name = port == 0 ? address : "\(address) port \(port)"
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var results: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(address, "\(port)", &hints, &results)
        guard status == 0, let info = results?.pointee else {
            throw SystemError(
                "listen on", name, code: EINVAL, reason: String(cString: gai_strerror(status)))
        }
        defer { freeaddrinfo(results) }
        let number = socket(info.ai_family, info.ai_socktype, 0)
        guard number >= 0 else { throw SystemError("listen on", name, code: errno) }
        descriptor = Descriptor(takingOver: number)
        var reuses: Int32 = port == 0 ? 0 : 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        guard setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &reuses, size) == 0,
            bind(number, info.ai_addr, info.ai_addrlen) == 0, listen(number, Int32(backlog)) == 0
        else { throw SystemError("listen on", name, code: errno) }

        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let named = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(number, $0, &length)
            }
        }
        guard named == 0 else { throw SystemError("listen on", name, code: errno) }
        // The port lies at the same place in the addresses of both families (RFC 3493, §3.3).
        self.port = withUnsafeBytes(of: &storage) {
            Int(UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        }
    }
}
