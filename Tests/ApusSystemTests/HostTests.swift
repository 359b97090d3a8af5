import ApusBase
import Glibc
import Testing

@testable import ApusSystem

@Suite("host") struct HostTests {
    @Test("facts of this host are plausible")
    func tellsFacts() throws {
        #expect(Host.coreCount >= 1)
        #expect(!Host.name.isEmpty)
        let (total, available) = Host.memory
        #expect(total > Bytes(1 << 20))
        #expect(available <= total)
        #expect(try Host.executablePath().hasPrefix("/"))
        #expect(Host.environment()["PATH"] != nil)
        #expect(Terminal.width(-1) == nil)
        #expect(!Terminal.isTerminal(-1))
    }

    @Test("a process has memory, a proportional share of it, and none when it does not exist")
    func tellsMemory() throws {
        let memory = try #require(ProcessMemory.own())
        #expect(memory.proportional > .zero)
        #expect(memory.proportional <= memory.resident)
        #expect(ProcessMemory.of(pid: Int32.max) == nil)
    }

    @Test("the clock goes forward")
    func clockGoesForward() {
        let first = monotonicSeconds()
        usleep(2_000)
        let passed = monotonicSeconds() - first
        #expect(passed >= 0.002)
        #expect(passed < 60)
    }

    @Test(
        "lists of numbers are counted",
        arguments: [("0", 1), ("0-3", 4), ("0-3,8,10-11", 7), ("", 0)])
    func countsLists(list: String, count: Int) { #expect(countOfList(list) == count) }

    @Test("what is no list of numbers has no count", arguments: ["x", "3-1", "1-2-3", "1-"])
    func refusesLists(list: String) { #expect(countOfList(list) == nil) }

    @Test("this host has a loopback, which is also the way to itself")
    func tellsAddresses() throws {
        let interfaces = try Host.interfaceAddresses()
        #expect(interfaces.contains(InterfaceAddress(interface: "lo", text: "127.0.0.1")))
        let families = interfaces.map { $0.text.contains(":") ? 6 : 4 }
        #expect(families == families.sorted())
        #expect(!interfaces.contains { $0.text.hasPrefix("fe80:") })
        #expect(Host.addresses(of: "127.0.0.5") == ["127.0.0.5"])
        #expect(Host.addresses(of: "::1") == ["::1"])
        #expect(Host.addresses(of: "no host") == [])
        #expect(Host.addresses(towards: "127.0.0.5") == ["127.0.0.1"])
        #expect(Host.addresses(towards: "no host") == [])
    }

    @Test("addresses that lead back are known", arguments: ["127.0.0.1", "127.0.1.1", "::1"])
    func knowsLoopback(address: String) { #expect(Host.isLoopback(address)) }

    @Test("others lead elsewhere", arguments: ["10.0.0.7", "12.7.0.1", "2001:db8::1", "::10"])
    func knowsOthers(address: String) { #expect(!Host.isLoopback(address)) }

    @Test("a listening socket takes connections at the port that it tells")
    func listens() throws {
        let socket = try ListeningSocket()
        #expect((1...65_535).contains(socket.port))
        #expect(try ListeningSocket().port != socket.port)
        let client = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(client) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(socket.port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(connected == 0)
        #expect(throws: SystemError.self) { try ListeningSocket(address: "no address") }
        #expect(throws: SystemError.self) { try ListeningSocket(address: "192.0.2.1") }
    }

    @Test("a listening socket takes the port that it is told, unless somebody else has it")
    func listensOnPort() throws {
        let port = try ListeningSocket().port
        let socket = try ListeningSocket(port: port)
        #expect(socket.port == port)
        #expect(throws: SystemError("listen on", "127.0.0.1 port \(port)", code: EADDRINUSE)) {
            try ListeningSocket(port: port)
        }
        let elsewhere = try #require(throws: SystemError.self) {
            try ListeningSocket(address: "192.0.2.1", port: port)
        }
        #expect(elsewhere.isAddressElsewhere)
        withExtendedLifetime(socket) {}
    }
}
