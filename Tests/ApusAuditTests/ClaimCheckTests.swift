import ApusBase
import ApusPlan
import Testing

@testable import ApusAudit

@Suite("Checks of claims against each other")
struct ClaimCheckTests {
    @Test("capacity without room for all assignments is found, per token and per assignment")
    func findsLackOfCapacity() throws {
        let line = "sequences_per_data_rank: 2"
        func routing(_ text: String) -> [(String, String)] {
            [(line, "\(line)\nrouting: { \(text) }")]
        }
        #expect(
            try AuditFile.messages(
                replacing: routing("capacity: per_token, capacity_factor: 1.5, overflow: reroute"))
                == [
                    """
                    plans/small.yaml:24:33: warning: the experts have 1.5 slots for 2 assignments \
                    of a token: 25.0 % of the assignments have no place even in perfect balance  \
                    [capacity-drops]
                      4 experts × 1.5 × tokens ÷ 4 slots ÷ (tokens × 2 assignments) = 0.75, at \
                    most 1
                      `reroute` finds no free slot: all experts together are full
                      expected: `capacity_factor` of 2 or more, or `capacity: per_assignment`, \
                    which counts tokens × 2
                      hint: `capacity: dropless` keeps every assignment
                    """
                ])
        let half = try AuditFile.report(
            replacing: routing("capacity: per_assignment, capacity_factor: 0.5"))
        #expect(half.problems.map(\.expected) == ["`capacity_factor` of 1 or more"])
        for enough in [
            "capacity: per_token, capacity_factor: 2", "capacity: per_assignment",
            "capacity: dropless",
        ] {
            #expect(try AuditFile.messages(replacing: routing(enough)) == [])
        }
    }

    @Test("an expert degree that no stage holds is found in a claim, and in a launch command")
    func findsUnfoldedRanks() throws {
        let message = try AuditFile.messages(
            .unfoldedRanks, claims: ["id: ep, quantity: plan.expert_parallel, value: 8"]
        ).first
        #expect(
            message?.hasPrefix(
                """
                plans/small.yaml:25:5: error: an unfolded dp4·ep8 needs 32 ranks, the plan has 4; \
                folded, expert degree 8 needs a stage of 8 ranks, not 4  [unfolded-ranks]
                  4 × 8 = 32
                """) == true)
        let launch = "torchrun --nnodes=2 --nproc-per-node=2 train.py --dp 4 --ep 8"
        #expect(
            try AuditFile.messages(
                .unfoldedRanks,
                claims: ["id: launch, quantity: launch_command, value: '\(launch)'"]
            ).count == 1)
        for degree in [1, 2, 4] {
            let claim = "id: ep, quantity: plan.expert_parallel, value: \(degree)"
            #expect(try AuditFile.messages(.unfoldedRanks, claims: [claim]) == [])
        }
    }

    @Test("a bandwidth that is a share of the memory's is found, and a link's is not")
    func findsBandwidthSource() throws {
        func messages(_ value: Double) throws -> [String] {
            try AuditFile.messages(
                claims: ["id: bw, quantity: bandwidth.expert_group_gb_per_s, value: \(value)"])
        }
        #expect(
            try messages(670) == [
                """
                plans/small.yaml:25:5: error: 670 GB/s between GPUs is 80.0 % of a GPU's memory \
                bandwidth ÷ 4 GPUs: memory is not the wire between them  [bandwidth-source]
                  0.8 × 3350 GB/s ÷ 4 GPUs = 670 GB/s
                  expected: 450 GB/s: 2 ranks of an expert group, `pipeline_placement: outermost`: \
                link `node` joins all of them (2 GPUs, 450 GB/s per GPU and direction)
                """
            ])
        #expect(try messages(450) == [])
        #expect(try messages(123.4) == [])
    }

    @Test("activations far from what the tensors need are found")
    func findsActivationScale() throws {
        let claim = "id: act, quantity: memory.activations_gb, value: 3, at: 16"
        let report = try AuditFile.report(claims: [claim])
        guard case .number(let computed)? = report.claims.first?.computed else {
            Issue.record("nothing is computed")
            return
        }
        let numbers = 2.0 * 16 * 64
        #expect(
            report.problems.first?.description.hasPrefix(
                """
                plans/small.yaml:25:5: error: claimed activations are \(figure(3 / computed)) \
                times what the layers' tensors need at 16 tokens  [activation-scale]
                  at 16 tokens: 3 GB is \(figure(3e9 / numbers)) bytes per number of [2, 16, 64]; \
                the plan's tensors are \(figure(computed)) GB, \(figure(computed * 1e9 / numbers)) \
                bytes
                """) == true)
        for share in [0.6, 1, 1.9] {
            let claim =
                "id: act, quantity: memory.activations_gb, value: \(share * computed), at: 16"
            #expect(try AuditFile.messages(.activationScale, claims: [claim]) == [])
        }
    }

    @Test("optimizer states without room for master weights are found")
    func findsMissingMasters() throws {
        func messages(_ optimizer: Double) throws -> [String] {
            try AuditFile.messages(
                .claimsDisagree,
                claims: [
                    "id: weights, quantity: memory.parameters_gb, value: 1",
                    "id: adam, quantity: memory.optimizer_gb, value: \(optimizer)",
                ])
        }
        #expect(
            try messages(2) == [
                """
                plans/small.yaml:26:5: error: the claimed optimizer states leave no room for FP32 \
                master weights  [claims-disagree]
                  2 GB ÷ 1 GB of bf16 weights = 4.00 bytes per parameter: momentum and variance in \
                bf16, and nothing else
                  `workload.optimizer_precision: fp32`: two moments 8 + FP32 master weights 4 = 12 \
                bytes per parameter, 12.0 after ZeRO 0
                  bf16 weights alone lose updates below their last digit (Micikevicius et al. \
                2018, §3.1)
                  expected: 6.00 GB beside 1 GB of weights, before ZeRO
                """
            ])
        #expect(try messages(6) == [])
    }

    @Test("parts that add up to more than their whole are found")
    func findsSums() throws {
        func messages(_ experts: String) throws -> [String] {
            try AuditFile.messages(
                .claimsDisagree,
                claims: [
                    "id: total, quantity: parameters, value: 10e9",
                    "id: attention, quantity: parameters.attention, value: 4e9",
                    "id: experts, quantity: parameters.experts, value: \(experts)",
                ])
        }
        #expect(
            try messages("8e9") == [
                """
                plans/small.yaml:25:5: error: the claimed parts of `parameters` add up to 12.0 G, \
                more than the 10.0 G claimed  [claims-disagree]
                  `parameters.attention` 4.00 G + `parameters.experts` 8.00 G = 12.0 G
                """
            ])
        #expect(try messages("6e9") == [])
    }

    @Test("FLOPs that do not follow from claimed parameters are found")
    func findsActiveParameters() throws {
        func messages(experts: String, attention: String) throws -> [String] {
            try AuditFile.report(claims: [
                "id: pe, quantity: parameters.experts, value: 8e9",
                "id: pa, quantity: parameters.attention, value: 2e9",
                "id: fe, quantity: flops_per_token.experts, value: \(experts)",
                "id: fa, quantity: flops_per_token.attention, value: \(attention)",
            ]).problems.map(\.problem)
        }
        // Two of four experts: 2 × 8e9 ÷ 2.
        #expect(try messages(experts: "8e9", attention: "4e9") == [])
        #expect(
            try messages(experts: "16e9", attention: "3e9") == [
                "16.0 G FLOPs of a token do not follow from 8.00 G parameters of experts: they "
                    + "count all 4 experts",
                "3.00 G FLOPs of a token are fewer than two for each of the 2.00 G attention "
                    + "parameters",
            ])
    }

    @Test("too few places for the experts are found")
    func findsExpertPlaces() throws {
        func problems(_ each: Int) throws -> [String] {
            try AuditFile.report(claims: [
                "id: each, quantity: experts_per_gpu_per_layer, value: \(each)"
            ]).problems.map(\.problem)
        }
        // Four ranks hold a layer's four experts once with one on each.
        #expect(try problems(1) == [])
        #expect(try problems(2) == [])
        let half = [("num_local_experts: 4", "num_local_experts: 8")]
        let report = try AuditFile.report(
            replacing: half, claims: ["id: each, quantity: experts_per_gpu_per_layer, value: 1"])
        #expect(
            report.problems.map(\.problem) == [
                "1 of a layer's experts on each GPU makes 16.0 places for 32 expert modules"
            ])
    }
}
