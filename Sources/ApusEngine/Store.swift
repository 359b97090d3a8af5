import CApusEngine

/// The keys and values through which ranks find each other.
///
/// A blocking read keeps others of the same object waiting, so each rank has a store of its own.
package final class Store: @unchecked Sendable {
    // Unchecked: c10d's stores lock themselves, and the handle never changes.
    let engine: Engine
    let handle: OpaquePointer

    private init(owning handle: OpaquePointer, engine: Engine) {
        self.engine = engine
        self.handle = handle
    }

    deinit { engine.table.pointee.store_destroy(handle) }

    /// The store that the others connect to.
    ///
    /// It takes over `listenDescriptor`, a bound, listening socket: one that c10d opened itself
    /// would listen on every interface, and whoever connects is obeyed.
    package static func server(
        _ engine: Engine, listenDescriptor: Int32, host: String, port: Int, worldSize: Int,
        timeoutSeconds: Double
    ) throws(EngineError) -> Store {
        let handle = try engine.handle("serve store") {
            engine.table.pointee.store_serve(
                host, Int32(clamping: port), listenDescriptor, Int64(worldSize),
                timeoutSeconds, $0, $1)
        }
        return Store(owning: handle, engine: engine)
    }

    /// A connection to the server at `host` and `port`.
    package static func client(
        _ engine: Engine, host: String, port: Int, worldSize: Int, timeoutSeconds: Double
    ) throws(EngineError) -> Store {
        let handle = try engine.handle("connect to store") {
            engine.table.pointee.store_connect(
                host, Int32(clamping: port), Int64(worldSize), timeoutSeconds, $0, $1)
        }
        return Store(owning: handle, engine: engine)
    }

    /// A store for ranks that are threads of one process; they share the object.
    package static func inProcess(
        _ engine: Engine, timeoutSeconds: Double = 60
    ) throws(EngineError) -> Store {
        let handle = try engine.handle("make store") {
            engine.table.pointee.store_in_process(timeoutSeconds, $0, $1)
        }
        return Store(owning: handle, engine: engine)
    }

    /// The port of the server, 0 for a store within the process.
    package var port: Int { Int(engine.table.pointee.store_port(handle)) }

    package func set(_ key: String, _ value: String) throws(EngineError) {
        var value = value
        try engine.call("set `\(key)`") { error in
            value.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { characters in
                    key.withCString { key in
                        engine.table.pointee.store_set(
                            handle, key, characters.baseAddress ?? key, Int64(characters.count),
                            error)
                    }
                }
            }
        }
    }

    /// The value of `key`, once some rank has set it.
    package func get(_ key: String) throws(EngineError) -> String {
        var value: UnsafeMutablePointer<CChar>?
        var count: Int64 = 0
        try engine.call("get `\(key)`") {
            engine.table.pointee.store_get(handle, key, &value, &count, $0)
        }
        guard let value else { throw EngineError("get `\(key)`", "gave no value") }
        defer { engine.table.pointee.bytes_destroy(value) }
        let bytes = UnsafeRawBufferPointer(start: value, count: Int(count))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Adds to the number under `key`, which starts at 0, and returns the sum.
    package func add(_ key: String, _ amount: Int) throws(EngineError) -> Int {
        var sum: Int64 = 0
        try engine.call("add to `\(key)`") {
            engine.table.pointee.store_add(handle, key, Int64(amount), &sum, $0)
        }
        return Int(sum)
    }
}
