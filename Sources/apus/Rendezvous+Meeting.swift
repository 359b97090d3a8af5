import ApusBase
import ApusControl
import ApusEngine
import ApusRuntime

extension Rendezvous {
    /// Opens the store that the ranks find each other through.
    func meeting(
        _ engine: Engine, _ environment: [String: String], timeoutSeconds timeout: Double
    ) throws -> Communicators.Meeting {
        let addresses = try addresses(environment)
        let (host, port, size) = (addresses.store, masterPort, worldSize)
        var listener: Int32?
        if case .this(let descriptor) = storeServer {
            listener = try descriptor ?? listen(at: host)
        }
        do throws(EngineError) {
            let store: Store
            if let listener {
                store = try Store.server(
                    engine, listenDescriptor: listener, host: host, port: port, worldSize: size,
                    timeoutSeconds: timeout)
            } else {
                store = try Store.client(
                    engine, host: host, port: port, worldSize: size, timeoutSeconds: timeout)
            }
            return Communicators.Meeting(
                store: store, prefix: storePrefix, host: addresses.own, timeoutSeconds: timeout)
        } catch {
            throw Problems([error.diagnostic])
        }
    }
}
