import Glibc

/// A socket that takes connections at one address and a port that the system chose.
package struct ListeningSocket: Sendable {
    package let descriptor: Descriptor
    package let port: Int

    /// Listens at a numeric address, by default at this host's own, on a free port.
    package init(address: String = "127.0.0.1", backlog: Int = 1024) throws(SystemError) {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var results: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(address, "0", &hints, &results)
        guard status == 0, let info = results?.pointee else {
            throw SystemError(
                "listen on", address, code: EINVAL,
                reason: String(cString: gai_strerror(status)))
        }
        defer { freeaddrinfo(results) }
        let number = socket(info.ai_family, info.ai_socktype, 0)
        guard number >= 0 else { throw SystemError("listen on", address, code: errno) }
        descriptor = Descriptor(takingOver: number)
        guard bind(number, info.ai_addr, info.ai_addrlen) == 0,
            listen(number, Int32(backlog)) == 0
        else { throw SystemError("listen on", address, code: errno) }

        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let named = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(number, $0, &length)
            }
        }
        guard named == 0 else { throw SystemError("listen on", address, code: errno) }
        // The port lies at the same place in the addresses of both families (RFC 3493, §3.3).
        port = withUnsafeBytes(of: &storage) {
            Int(UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        }
    }
}
