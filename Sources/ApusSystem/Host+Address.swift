import ApusBase
import Glibc

extension Host {
    /// The address of this host on the way to another, or `nil` where there is no way.
    ///
    /// A datagram socket that is connected has chosen its own address; nothing is sent.
    package static func address(towards host: String) -> String? {
        var hints = addrinfo()
        hints.ai_family = AF_INET
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "9", &hints, &found) == 0, let first = found else { return nil }
        defer { freeaddrinfo(first) }
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            return nil
        }
        var own = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &own) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> String? in
                guard getsockname(descriptor, address, &length) == 0 else { return nil }
                return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
                    guard let start = buffer.baseAddress,
                        getnameinfo(address, length, start, 256, nil, 0, NI_NUMERICHOST) == 0
                    else { return nil }
                    return String(cString: start)
                }
            }
        }
    }
}

extension ProcessMemory {
    /// The proportional memory of this process and of those that it started.
    package static func ofOwnTree() -> ProcessMemory? {
        guard var sum = own() else { return nil }
        let listed = (try? readFile("/proc/self/task/\(getpid())/children", limit: 1 << 20)) ?? []
        for word in String(decoding: listed, as: UTF8.self).split(separator: " ") {
            guard let pid = Int32(word), let child = of(pid: pid) else { continue }
            sum.resident += child.resident
            sum.proportional += child.proportional
        }
        return sum
    }
}
