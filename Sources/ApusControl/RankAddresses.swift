package import ApusBase
package import ApusSystem

/// Where a rank listens and where it meets the others.
package struct RankAddresses: Hashable, Sendable {
    /// What a rank finds out about its host's network before it chooses.
    package struct Network: Hashable, Sendable {
        /// The addresses of the interfaces that are up, in the order in which they are preferred.
        package var interfaces: [InterfaceAddress]
        /// What the address of rank 0 stands for on this host, in numbers.
        package var master: [String]
        /// The addresses of this host on the way to rank 0.
        package var routes: [String]

        package init(interfaces: [InterfaceAddress], master: [String], routes: [String]) {
            self.interfaces = interfaces
            self.master = master
            self.routes = routes
        }
    }

    /// The address that the sockets of this rank listen on, in numbers.
    package var own: String
    /// The address at which this rank finds the store; in numbers where it serves it.
    package var store: String

    package init(own: String, store: String) {
        self.own = own
        self.store = store
    }

    /// Chooses the addresses of a rank.
    ///
    /// Where all ranks run on this host, they listen on its loopback. Otherwise others must be able
    /// to reach what is chosen: an interface that the environment names, or else the address on the
    /// way to rank 0, or else, since a host's own name often stands for its loopback, the first
    /// address that is none.
    ///
    /// - Throws: `Problems` when no such address is there.
    package init(
        _ rendezvous: Rendezvous, _ environment: [String: String], _ network: Network
    ) throws(Problems) {
        let isOneHost = rendezvous.isOneHost
        own = isOneHost ? Self.loopback : try Self.reachable(rendezvous, environment, network)
        let master = network.master.first { isOneHost || !Host.isLoopback($0) }
        // Only this host's own name stands for the loopback.
        let isHere = isOneHost || !network.master.isEmpty
        switch rendezvous.storeServer {
        case .this: store = master ?? own
        case .other: store = master == nil && isHere ? own : rendezvous.masterAddress
        case .agent: store = rendezvous.masterAddress
        }
    }

    private static let loopback = "127.0.0.1"

    /// The variables that name an interface; the first that is set rules.
    private static let interfaceNames = ["APUS_INTERFACE", "GLOO_SOCKET_IFNAME"]

    private static func reachable(
        _ rendezvous: Rendezvous, _ environment: [String: String], _ network: Network
    ) throws(Problems) -> String {
        let reader = EnvironmentReader(environment)
        if let variable = interfaceNames.first(where: { reader.has($0) }),
            let name = reader.value(variable)
        {
            let address = network.interfaces.first { $0.interface == name }
            guard let address else {
                throw Problems([noInterface(name, variable, network.interfaces)])
            }
            return address.text
        }
        let candidates = network.routes + network.interfaces.map(\.text)
        guard let address = candidates.first(where: { !Host.isLoopback($0) }) else {
            throw Problems([noAddress(rendezvous)])
        }
        return address
    }

    private static func noInterface(
        _ name: String, _ variable: String, _ interfaces: [InterfaceAddress]
    ) -> Diagnostic {
        var names: [String] = []
        for address in interfaces where !Host.isLoopback(address.text) {
            if !names.contains(address.interface) { names.append(address.interface) }
        }
        return Diagnostic(
            .rendezvous,
            problem: "environment variable `\(variable)` is `\(shortened(name))`, "
                + "an interface that is not up or has no address",
            expected: names.isEmpty ? nil : names.joined(separator: " or "),
            hint: "`ip address` lists the interfaces of this host")
    }

    private static func noAddress(_ rendezvous: Rendezvous) -> Diagnostic {
        let (local, all) = (rendezvous.localWorldSize, rendezvous.worldSize)
        let known = local.map { "\($0) of the job's \(all) ranks run on this host" }
        let hint =
            rendezvous.launcher == .torchrun
            ? "where all ranks run on this host, set `LOCAL_WORLD_SIZE` to \(all)"
            : "`ip address` lists the interfaces of this host"
        return Diagnostic(
            .rendezvous, problem: "this host has no address that other hosts can reach",
            details: [known ?? "nothing tells how many of the job's \(all) ranks run on this host"],
            expected: "an interface besides the loopback that is up and has an address",
            hint: hint)
    }
}

extension Rendezvous {
    /// Whether all ranks of the job run on this host.
    package var isOneHost: Bool { worldSize == 1 || localWorldSize == worldSize }

    /// The addresses of this rank on this host.
    package func addresses(_ environment: [String: String]) throws(Problems) -> RankAddresses {
        let network: RankAddresses.Network
        do throws(SystemError) {
            network = RankAddresses.Network(
                interfaces: try Host.interfaceAddresses(),
                master: Host.addresses(of: masterAddress),
                routes: Host.addresses(towards: masterAddress))
        } catch {
            throw Problems([error.diagnostic])
        }
        return try RankAddresses(self, environment, network)
    }
}
