import ApusTestSupport
import Foundation
import Testing

@Suite(
    "apus train joined by the variables of torchrun", .serialized,
    .enabled(if: TrainingRun.hasEngine), .timeLimit(.minutes(2)))
struct JoinedRankTests {
    @Test("four ranks that were started one by one have the losses of the launcher's")
    func agreesWithLauncher() throws {
        let run = try TrainingRun()
        let ranks = try JoinedRanks.start(run, port: try freePort()) { _ in
            ["--steps", "4", "--log", run.path("joined.jsonl")]
        }
        for (rank, outcome) in try ranks.end(within: 60).enumerated() {
            #expect(outcome.status == 0, "rank \(rank): \(outcome.transcript)")
            #expect(outcome.output.contains("step 4/4") == (rank == 0))
        }
        let local = try run.start("--steps", "4", "--log", run.path("local.jsonl"))
        let outcome = try local.end(within: 60)
        #expect(outcome.status == 0, "\(outcome.transcript)")
        let losses = try run.losses("local.jsonl")
        #expect(losses.count == 4)
        #expect(try run.losses("joined.jsonl") == losses)
    }

    @Test("a rank with another seed is refused, and all ranks learn of it at once")
    func refusesOtherSettings() throws {
        let run = try TrainingRun()
        let ranks = try JoinedRanks.start(run, port: try freePort()) { rank in
            ["--steps", "4", "--quiet", "--seed", rank == 2 ? "9" : "1"]
        }
        let outcomes = try ranks.end(within: 15)
        #expect(outcomes.allSatisfy { $0.status == 2 })
        #expect(outcomes.allSatisfy { $0.output.isEmpty })
        for (rank, outcome) in outcomes.enumerated() {
            let prints = rank == 2 ? "  fingerprint X, rank 0 has X\n" : ""
            #expect(
                outcome.errors.replacing(/[0-9a-f]{12,16}/, with: "X") == """
                    error: rank 2 was given another deployment, data or settings than rank 0\
                      [rank-mismatch]
                    \(prints)\
                      expected: the same command, file and data on every host
                      hint: compare the files and flags of that rank's host with those of rank 0

                    """)
        }
    }
}

@Suite(
    "apus train over two network namespaces", .serialized,
    .enabled(if: TrainingRun.hasEngine && NetworkNamespaces.arePossible), .timeLimit(.minutes(2)))
struct TwoHostTests {
    @Test(
        "two ranks in each of two namespaces have the losses of four local ranks",
        arguments: [nil, "localhost"])
    func agreesWithLocal(ownName: String?) throws {
        let run = try TrainingRun()
        let namespaces = try NetworkNamespaces()
        let ranks = try JoinedRanks.start(
            run, addresses: [ownName ?? namespaces.addresses[0], namespaces.addresses[0]],
            port: 29_500,
            hosts: namespaces.names.map { ["ip", "netns", "exec", $0] }
        ) { _ in ["--steps", "8", "--log", run.path("joined.jsonl")] }
        for (rank, outcome) in try ranks.end(within: 60).enumerated() {
            #expect(outcome.status == 0, "rank \(rank): \(outcome.transcript)")
        }
        let sent = try namespaces.bytesSent()
        let local = try run.start("--steps", "8", "--log", run.path("local.jsonl"))
        let outcome = try local.end(within: 60)
        #expect(outcome.status == 0, "\(outcome.transcript)")
        let losses = try run.losses("local.jsonl")
        #expect(losses.count == 8)
        #expect(try run.losses("joined.jsonl") == losses)
        // The stages lie in different namespaces: at least each step's activations cross the link.
        #expect(sent > 8 * 8 * 64 * 64 * 4)
    }
}
