import ApusBase
import Foundation
import Testing

@testable import ApusEngine

@Suite("Stores", .enabled(if: EngineUnderTest.isAvailable), .timeLimit(.minutes(1)))
struct StoreTests {
    let engine: Engine

    init() throws { engine = try EngineUnderTest.open() }

    @Test("values and counters are kept under their keys")
    func keepsValues() throws {
        let store = try Store.inProcess(engine)
        try store.set("name", "größe")
        try store.set("empty", "")
        #expect(try store.get("name") == "größe")
        #expect(try store.get("empty") == "")
        #expect(try store.add("count", 2) == 2)
        #expect(try store.add("count", 3) == 5)
        #expect(store.port == 0)
    }

    @Test("a key that nobody sets is an error within the timeout")
    func limitsWaiting() throws {
        let store = try Store.inProcess(engine, timeoutSeconds: 0.2)
        let error = try #require(throws: EngineError.self) { _ = try store.get("never") }
        #expect(error.operation == "get `never`")
        #expect(!error.message.contains("\n"))
    }

    @Test("a server on a given socket answers clients on its port")
    func serves() throws {
        let (descriptor, port) = try listeningSocket()
        let server = try Store.server(
            engine, listenDescriptor: descriptor, host: "127.0.0.1", port: port, worldSize: 2,
            timeoutSeconds: 10)
        #expect(server.port == port)
        let client = try Store.client(
            engine, host: "127.0.0.1", port: port, worldSize: 2, timeoutSeconds: 10)
        try client.set("from", "client")
        #expect(try server.get("from") == "client")
        #expect(try server.add("joined", 1) == 1)
        #expect(try client.add("joined", 1) == 2)
    }

    @Test("a server that is not there is an error within the timeout")
    func missesServer() throws {
        let (descriptor, port) = try listeningSocket()
        close(descriptor)
        let error = try #require(throws: EngineError.self) {
            _ = try Store.client(
                engine, host: "127.0.0.1", port: port, worldSize: 2, timeoutSeconds: 1)
        }
        #expect(error.operation == "connect to store")
        #expect(!error.message.contains("\n"))
    }

    /// A socket that listens on a free port of this host alone.
    private func listeningSocket() throws -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let named = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(named)
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }
}
