import ApusTestSupport
import Foundation
import Testing

@Suite(
    "the store that rank 0 serves", .serialized, .enabled(if: TrainingRun.hasEngine),
    .timeLimit(.minutes(1)))
struct StoreAddressTests {
    @Test("it listens at the address of rank 0 alone")
    func listensAtOneAddress() throws {
        let run = try TrainingRun()
        let port = try freePort()
        let rank = try JoinedRanks.startFirst(run, address: "127.0.0.5", port: port)
        #expect(
            waits(upTo: 20) { !listeningAddresses(of: rank.alive, port: port).isEmpty })
        #expect(listeningAddresses(of: rank.alive, port: port) == ["0500007F"])
        rank.send(SIGTERM)
        #expect(try rank.end(within: 5).status == 128 + SIGTERM)
    }

    @Test("a port that somebody else has is told, with the variable that names another")
    func namesTakenPort() throws {
        let run = try TrainingRun()
        let port = try freePort()
        let first = try JoinedRanks.startFirst(run, port: port)
        #expect(
            waits(upTo: 20) { !listeningAddresses(of: first.alive, port: port).isEmpty })
        let second = try JoinedRanks.startFirst(try TrainingRun(), port: port)
        let outcome = try second.end(within: 20)
        #expect(outcome.status == 2)
        #expect(
            outcome.errors == """
                error: rank 0 cannot listen on `127.0.0.1` port \(port): Address already in use\
                  [rendezvous]
                  expected: a port from 1024 to 65535 that nobody listens on
                  hint: set another `MASTER_PORT`, the same for all ranks

                """)
    }

    @Test("an address of another host is told, with the variable that names it")
    func namesForeignAddress() throws {
        let run = try TrainingRun()
        let rank = try JoinedRanks.startFirst(run, address: "192.0.2.1", port: try freePort())
        let outcome = try rank.end(within: 20)
        #expect(outcome.status == 2)
        #expect(
            outcome.errors.replacing(/port \d+/, with: "port N") == """
                error: rank 0 cannot listen on `192.0.2.1` port N: Cannot assign requested address\
                  [rendezvous]
                  expected: an address of the host of rank 0
                  hint: set `MASTER_ADDR` to the host on which rank 0 runs, the same for all ranks

                """)
    }
}
