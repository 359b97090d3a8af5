import ApusAudit
import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@Suite("Claims that cannot be judged")
struct HostileClaimTests {
    @Test("an unknown quantity is named, with the one that was meant")
    func refusesUnknownQuantity() throws {
        let report = try AuditFile.report(claims: [
            "id: ep, quantity: plan.expert_paralel, value: 8"
        ])
        #expect(
            report.problems.map(\.description) == [
                """
                plans/small.yaml:25:15: error: `claims[0].quantity` is `plan.expert_paralel`  \
                [unknown-value]
                  expected: parameters, parameters.active, parameters.attention, \
                parameters.experts, parameters.router, …
                  hint: did you mean `plan.expert_parallel`?
                """
            ])
        #expect(report.claims.map(\.verdict) == [.unverifiable])
        #expect(report.claims.map(\.computed) == [nil])
        #expect(!report.isClean)
    }

    @Test("a value of the wrong kind is named")
    func refusesKinds() throws {
        let claims = [
            "id: a, quantity: pipeline_bubble, value: a third",
            "id: b, quantity: memory.fits, value: 3",
            "id: c, quantity: launch_command, value: true",
            "id: d, quantity: gpus, value: false",
        ]
        let report = try AuditFile.report(claims: claims)
        #expect(
            report.problems.map(\.description) == [
                """
                plans/small.yaml:25:41: error: `claims[0].value` is the text `a third`, but \
                `pipeline_bubble` is a number  [wrong-type]
                  expected: a number, or a range such as `[0.15, 0.2]`
                """,
                """
                plans/small.yaml:26:37: error: `claims[1].value` is `3`, but `memory.fits` is true \
                or false  [wrong-type]
                  expected: `true` or `false`
                """,
                """
                plans/small.yaml:27:40: error: `claims[2].value` is `true`, but `launch_command` \
                is text  [wrong-type]
                  expected: the command as one line of text
                """,
                """
                plans/small.yaml:28:30: error: `claims[3].value` is `false`, but `gpus` is a \
                number  [wrong-type]
                  expected: a number, or a range such as `[0.15, 0.2]`
                """,
            ])
        #expect(report.claims.allSatisfy { $0.verdict == .unverifiable })
    }

    @Test("a length beyond the plan's buckets is named")
    func refusesLength() throws {
        let bucket = [
            (
                "  micro_batches: 2\n  sequences_per_data_rank: 2",
                "  by_sequence_length: [{ up_to: 16, micro_batches: 2, "
                    + "sequences_per_data_rank: 2 }]"
            )
        ]
        let report = try AuditFile.report(
            replacing: bucket, claims: ["id: a, quantity: pipeline_bubble, value: 0, at: 17"])
        #expect(
            report.problems.map(\.description) == [
                """
                plans/small.yaml:24:51: error: `claims[0].at` is 17, `plan.by_sequence_length` \
                ends at 16  [sequence-length]
                  hint: add a bucket of that length, or leave the claim out
                """
            ])
        #expect(report.claims.map(\.verdict) == [.unverifiable])
    }

    @Test("a claim without a length is made for all of them: the worst verdict stands")
    func judgesAllLengths() throws {
        let buckets =
            AuditFile.pipelined + [
                ("sequence_lengths: [16]", "sequence_lengths: [16, 32]"),
                (
                    "  micro_batches: 2\n  sequences_per_data_rank: 2",
                    """
                      by_sequence_length:
                        - { up_to: 16, micro_batches: 4, sequences_per_data_rank: 4 }
                        - { up_to: 32, micro_batches: 2, sequences_per_data_rank: 4 }
                    """
                ),
            ]
        let claims = try AuditFile.report(
            replacing: buckets,
            claims: [
                "id: one, quantity: pipeline_bubble, value: 0.2",
                "id: both, quantity: pipeline_bubble, value: [0.2, 0.34]",
            ]
        ).claims
        #expect(claims.map(\.verdict) == [.wrong, .holds])
        #expect(claims.map(\.sequenceLength) == [32, 16])
    }

    @Test("whatever is claimed of whatever deployment gets an answer", arguments: 0..<30)
    func survives(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var deployment = Deployment.random(using: &generator)
        let numbers = [0, -1, 1e30, -1e30, 1e-30, 0.5, 3, 16, 65_536, 1e9]
        let texts = [
            "", "torchrun", "deepspeed --num_gpus=9e9 x.py --ep 0 --dp 0 --ep -1", "'", "\\",
        ]
        deployment.claims = (0..<40).map { index in
            let quantity = Quantity.allCases.randomElement(using: &generator) ?? .gpus
            func number() -> Double { numbers.randomElement(using: &generator) ?? 0 }
            let value: Claim.Value
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: value = .truth(.random(using: &generator))
            case 1: value = .text(texts.randomElement(using: &generator) ?? "")
            case 2:
                let low = number()
                value = .range(low, low + 1)
            default: value = .number(number())
            }
            return Claim(
                id: "\(index)",
                quantity: quantity.kind == .text || index % 5 > 0
                    ? quantity.rawValue : "launch_command", value: value,
                sequenceLength: [nil, 1, 16, 4096, 1_048_576].randomElement(using: &generator)
                    ?? nil,
                formula: ["1 / 0", "B * S", "((", nil].randomElement(using: &generator) ?? nil)
        }
        let report = Audit(of: deployment).report()
        #expect(report.claims.count == 40)
        let isSame = report == Audit(of: deployment).report()
        #expect(isSame)
    }
}
