import ApusBase
import ApusSystem
import Testing

@testable import ApusControl

@Suite("addresses of a rank") struct RankAddressTests {
    private let loopback = InterfaceAddress(interface: "lo", text: "127.0.0.1")
    private let ethernet = InterfaceAddress(interface: "eth0", text: "10.0.0.7")
    private let infiniband = InterfaceAddress(interface: "ib0", text: "10.9.0.7")
    private let newEthernet = InterfaceAddress(interface: "eth0", text: "2001:db8::7")

    private func rendezvous(
        local: Int?, master: String = "node1", server: Rendezvous.StoreServer = .other
    ) -> Rendezvous {
        Rendezvous(
            launcher: .torchrun, rank: Rank(server == .this(descriptor: nil) ? 0 : 1), worldSize: 4,
            localRank: 0, localWorldSize: local, masterAddress: master, masterPort: 29_500,
            storeServer: server, storePrefix: "apus")
    }

    private func choose(
        _ rendezvous: Rendezvous, _ interfaces: [InterfaceAddress], master: [String],
        routes: [String], environment: [String: String] = [:]
    ) throws -> RankAddresses {
        try RankAddresses(
            rendezvous, environment,
            .init(interfaces: interfaces, master: master, routes: routes))
    }

    private func problem(
        _ rendezvous: Rendezvous, _ interfaces: [InterfaceAddress],
        environment: [String: String] = [:]
    ) throws -> String {
        let problems = try #require(throws: Problems.self) {
            try choose(
                rendezvous, interfaces, master: ["127.0.1.1"], routes: ["127.0.0.1"],
                environment: environment)
        }
        return problems.diagnostics.map(\.description).joined(separator: "\n\n")
    }

    @Test(
        "where all ranks run on one host they use its loopback",
        arguments: [["127.0.1.1"], ["10.0.0.7"], []])
    func usesLoopback(master: [String]) throws {
        for server in [Rendezvous.StoreServer.this(descriptor: nil), .this(descriptor: 5)] {
            let chosen = try choose(
                rendezvous(local: 4, server: server), [loopback, infiniband], master: master,
                routes: master, environment: ["APUS_INTERFACE": "ib0"])
            #expect(chosen == RankAddresses(own: "127.0.0.1", store: master.first ?? "127.0.0.1"))
        }
        let client = try choose(rendezvous(local: 4), [], master: master, routes: master)
        #expect(client.own == "127.0.0.1")
        #expect(client.store == (master.isEmpty ? "127.0.0.1" : "node1"))
    }

    @Test("over several hosts a rank uses its address on the way to rank 0", arguments: [2, nil])
    func usesRoute(local: Int?) throws {
        let interfaces = [loopback, infiniband, ethernet]
        let client = try choose(
            rendezvous(local: local), interfaces, master: ["10.0.0.1"], routes: ["10.0.0.7"])
        #expect(client == RankAddresses(own: "10.0.0.7", store: "node1"))
        let server = try choose(
            rendezvous(local: local, server: .this(descriptor: nil)), interfaces,
            master: ["10.0.0.7", "2001:db8::7"], routes: ["10.0.0.7"])
        #expect(server == RankAddresses(own: "10.0.0.7", store: "10.0.0.7"))
    }

    @Test("a name that stands for the loopback gives way to the first address that others reach")
    func replacesLoopback() throws {
        let interfaces = [loopback, ethernet, infiniband, newEthernet]
        let expected = RankAddresses(own: "10.0.0.7", store: "10.0.0.7")
        for server in [Rendezvous.StoreServer.this(descriptor: nil), .other] {
            let chosen = try choose(
                rendezvous(local: 2, server: server), interfaces, master: ["127.0.1.1"],
                routes: ["127.0.0.1", "::1"])
            #expect(chosen == expected)
        }
        let agent = try choose(
            rendezvous(local: 2, server: .agent), interfaces, master: ["127.0.1.1"],
            routes: ["127.0.0.1"])
        #expect(agent == RankAddresses(own: "10.0.0.7", store: "node1"))
    }

    @Test("a host with IPv6 alone uses it")
    func usesIPv6() throws {
        let interfaces = [loopback, newEthernet]
        let chosen = try choose(
            rendezvous(local: 2), interfaces, master: ["127.0.1.1"], routes: ["127.0.0.1"])
        #expect(chosen == RankAddresses(own: "2001:db8::7", store: "2001:db8::7"))
        let routed = try choose(
            rendezvous(local: 2), interfaces, master: ["2001:db8::1"], routes: ["2001:db8::7"])
        #expect(routed == RankAddresses(own: "2001:db8::7", store: "node1"))
    }

    @Test("a name that this host cannot resolve yet is left to those that wait for it")
    func leavesUnknownName() throws {
        let client = try choose(rendezvous(local: 2), [loopback, ethernet], master: [], routes: [])
        #expect(client == RankAddresses(own: "10.0.0.7", store: "node1"))
        let server = try choose(
            rendezvous(local: 2, server: .this(descriptor: nil)), [loopback, ethernet], master: [],
            routes: [])
        #expect(server == RankAddresses(own: "10.0.0.7", store: "10.0.0.7"))
    }

    @Test("the interface that the environment names rules, with Apus's variable first")
    func obeysVariables() throws {
        let interfaces = [loopback, ethernet, infiniband, newEthernet]
        let cases: [([String: String], String)] = [
            (["APUS_INTERFACE": "ib0"], "10.9.0.7"), (["GLOO_SOCKET_IFNAME": "ib0"], "10.9.0.7"),
            (["APUS_INTERFACE": "eth0", "GLOO_SOCKET_IFNAME": "ib0"], "10.0.0.7"),
            (["APUS_INTERFACE": "", "GLOO_SOCKET_IFNAME": "ib0"], "10.9.0.7"),
        ]
        for (environment, own) in cases {
            let chosen = try choose(
                rendezvous(local: 2), interfaces, master: ["10.0.0.1"], routes: ["10.0.0.7"],
                environment: environment)
            #expect(chosen == RankAddresses(own: own, store: "node1"))
        }
    }

    @Test("an interface that is not there is told with those that are")
    func namesMissingInterface() throws {
        let text = try problem(
            rendezvous(local: 2), [loopback, ethernet, infiniband, newEthernet],
            environment: ["GLOO_SOCKET_IFNAME": "eth7"])
        #expect(
            text == """
                error: environment variable `GLOO_SOCKET_IFNAME` is `eth7`, an interface that is \
                not up or has no address  [rendezvous]
                  expected: eth0 or ib0
                  hint: `ip address` lists the interfaces of this host
                """)
    }

    @Test("a host that no other can reach is told, and how a job of one host says so")
    func namesMissingAddress() throws {
        let expected = """
              expected: an interface besides the loopback that is up and has an address
            """
        #expect(
            try problem(rendezvous(local: 2), [loopback]) == """
                error: this host has no address that other hosts can reach  [rendezvous]
                  2 of the job's 4 ranks run on this host
                \(expected)
                  hint: where all ranks run on this host, set `LOCAL_WORLD_SIZE` to 4
                """)
        var other = rendezvous(local: nil)
        other.launcher = .srun
        #expect(
            try problem(other, [loopback]) == """
                error: this host has no address that other hosts can reach  [rendezvous]
                  nothing tells how many of the job's 4 ranks run on this host
                \(expected)
                  hint: `ip address` lists the interfaces of this host
                """)
    }
}
