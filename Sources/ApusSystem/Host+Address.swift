import Glibc

/// An address that an interface of this host has, while the interface is up.
package struct InterfaceAddress: Hashable, Sendable {
    package var interface: String
    /// The address in numbers.
    package var text: String

    package init(interface: String, text: String) {
        self.interface = interface
        self.text = text
    }
}

extension Host {
    /// The addresses of the interfaces that are up, IPv4 before IPv6, else in the system's order.
    ///
    /// Addresses that hold for one link only (`fe80::`) are left out: without the name of the other
    /// host's interface they lead nowhere.
    package static func interfaceAddresses() throws(SystemError) -> [InterfaceAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else {
            throw SystemError("list", "network interfaces", code: errno)
        }
        defer { freeifaddrs(list) }
        var found: [sa_family_t: [InterfaceAddress]] = [:]
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            let isUp = Int(entry.ifa_flags) & upAndRunning == upAndRunning
            guard isUp, let address = entry.ifa_addr, let length = length(of: address),
                let text = numericText(address, length), !text.hasPrefix("fe80:")
            else { continue }
            found[address.pointee.sa_family, default: []].append(
                InterfaceAddress(interface: String(cString: entry.ifa_name), text: text))
        }
        return [AF_INET, AF_INET6].flatMap { found[sa_family_t($0)] ?? [] }
    }

    /// The addresses that a name stands for on this host, in numbers, IPv4 first; none where it
    /// stands for nothing.
    package static func addresses(of name: String) -> [String] {
        var texts: [String] = []
        forEachAddress(of: name) { info in
            if let text = numericText(info.ai_addr, info.ai_addrlen) { texts.append(text) }
        }
        return texts
    }

    /// The addresses of this host on the way to another, IPv4 first; none where there is no way.
    ///
    /// A datagram socket that is connected has chosen its own address; nothing is sent.
    package static func addresses(towards name: String) -> [String] {
        var texts: [String] = []
        forEachAddress(of: name) { info in
            let number = socket(info.ai_family, Int32(SOCK_DGRAM.rawValue), 0)
            guard number >= 0 else { return }
            defer { close(number) }
            var own = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            guard connect(number, info.ai_addr, info.ai_addrlen) == 0 else { return }
            let text = withUnsafeMutablePointer(to: &own) { storage in
                storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    getsockname(number, address, &length) == 0
                        ? numericText(address, length) : nil
                }
            }
            if let text { texts.append(text) }
        }
        return texts
    }

    /// Whether an address in numbers leads back to the host that uses it.
    package static func isLoopback(_ address: String) -> Bool {
        address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.")
    }

    private static let upAndRunning = IFF_UP | IFF_RUNNING

    private static func forEachAddress(of name: String, _ body: (addrinfo) -> Void) {
        for family in [AF_INET, AF_INET6] {
            var hints = addrinfo()
            hints.ai_family = family
            hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
            var results: UnsafeMutablePointer<addrinfo>?
            // The port, that of the discard service, is never used.
            guard getaddrinfo(name, "9", &hints, &results) == 0 else { continue }
            defer { freeaddrinfo(results) }
            var next = results
            while let info = next?.pointee {
                body(info)
                next = info.ai_next
            }
        }
    }

    private static func length(of address: UnsafePointer<sockaddr>) -> socklen_t? {
        switch Int32(address.pointee.sa_family) {
        case AF_INET: socklen_t(MemoryLayout<sockaddr_in>.size)
        case AF_INET6: socklen_t(MemoryLayout<sockaddr_in6>.size)
        default: nil
        }
    }

    private static func numericText(
        _ address: UnsafePointer<sockaddr>, _ length: socklen_t
    ) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
            guard let start = buffer.baseAddress,
                getnameinfo(
                    address, length, start, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0
            else { return nil }
            return String(cString: start)
        }
    }
}
