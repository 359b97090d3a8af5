import ApusTestSupport
import Foundation
import Testing

@Suite("apus audit", .serialized, .timeLimit(.minutes(1)))
struct AuditCommandTests {
    private let strategy = "Plans/strategy-16gpu.yaml"

    /// A deployment with one claim of each verdict whose texts rest on no prediction.
    private let claims = """
        claims:
          - { id: total, quantity: parameters, value: 411200 }
          - { id: experts, quantity: parameters.experts, value: 1e6, formula: 48 * hidden * 325 }
          - { id: total-flops, quantity: flops_per_token, value: 500000, at: 64 }
          - { id: bubble, quantity: pipeline_bubble, value: [0.3, 0.4] }
          - id: launch
            quantity: launch_command
            value: torchrun --nnodes 1 --nproc-per-node 4 train.py
          - { id: misspelt, quantity: parameter, value: 1 }

        """

    private func write(_ folder: TestFolder) throws -> String {
        let small = try Repository.text("Plans/small.yaml")
        return try folder.write(small + claims, to: "claims.yaml")
    }

    @Test("the document is found wrong, in a table by verdict and a list of problems")
    func auditsStrategy() throws {
        let audit = try ApusProcess.run("audit", strategy)
        #expect(audit.status == 1)
        #expect(audit.errors.isEmpty)
        let lines = audit.output.split(separator: "\n")
        #expect(lines.contains("wrong (35)"))
        #expect(lines.contains("unverifiable (12)"))
        #expect(lines.contains("holds (2)"))
        #expect(lines.contains("49 claims: 35 wrong, 12 unverifiable, 2 hold"))
        let quiet = try ApusProcess.run("audit", strategy, "--quiet")
        #expect(quiet.status == 1)
        #expect(!quiet.output.contains(" note: "))
        #expect(!quiet.output.contains(" a step on "))
        let colored = try ApusProcess.run("audit", strategy, "--color", "always")
        #expect(colored.output.contains("\u{1B}[1;31mwrong (35)\u{1B}[0m"))
        #expect(!audit.output.contains("\u{1B}"))
    }

    @Test("claims are printed with why, and problems where they stand")
    func printsClaims() throws {
        let folder = try TestFolder()
        let audit = try ApusProcess.run("audit", try write(folder))
        #expect(audit.status == 1)
        let output = audit.output.replacing("\(folder.path)/", with: "")
        let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
        let table = lines.prefix { !$0.hasPrefix("problems") }
            // Repairs are priced by a model whose constants change.
            .filter { !$0.hasPrefix("      - ") && !$0.hasPrefix("        ") }
        try expectSnapshot(table.joined(separator: "\n"), named: "audit-claims")
        #expect(
            output.contains(
                """
                error: `claims[5].quantity` is `parameter`  [unknown-value]
                  expected: parameters, parameters.active, parameters.attention, \
                parameters.experts, parameters.router, …
                  hint: did you mean `parameters`?
                """))
    }

    @Test("as JSON it is one document with problems and claims, alone on stdout")
    func printsJSON() throws {
        let audit = try ApusProcess.run("audit", strategy, "--json")
        #expect(audit.status == 1)
        #expect(audit.errors.isEmpty)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(audit.output.utf8)) as? [String: Any])
        let claims = try #require(document["claims"] as? [[String: Any]])
        #expect(claims.count == 49)
        let keys = ["id", "verdict", "claimed", "computed", "unit", "why", "source"]
        for claim in claims { #expect(keys.allSatisfy { claim[$0] != nil }) }
        let total = try #require(claims.first)
        #expect(total["id"] as? String == "parameters-total")
        #expect(total["verdict"] as? String == "wrong")
        #expect(total["claimed"] as? Double == 1e10)
        #expect(total["computed"] as? Int == 435_962_368)
        #expect(total["unit"] as? String == "parameters")
        let repair = try #require((total["repair"] as? [[String: Any]])?.last)
        #expect(repair["step_time_s"] as? Double ?? 0 > 0)
        #expect(repair["memory_peak_bytes"] as? Int ?? 0 > 0)
        let problems = try #require(document["problems"] as? [[String: Any]])
        #expect(problems.count == 30)
        for problem in problems {
            let keys = ["code", "severity", "file", "line", "column", "path", "problem"]
            #expect(keys.allSatisfy { problem[$0] != nil })
        }
    }

    @Test("the JSON of exact claims is as before")
    func keepsJSON() throws {
        let folder = try TestFolder()
        let audit = try ApusProcess.run("audit", try write(folder), "--json")
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(audit.output.utf8)) as? [String: Any])
        let claims = try #require(document["claims"] as? [[String: Any]]).map { claim in
            // Repairs are priced by a model whose constants change.
            claim.filter { $0.key != "repair" }
        }
        let data = try JSONSerialization.data(
            withJSONObject: claims, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        try expectSnapshot(String(decoding: data, as: UTF8.self) + "\n", named: "audit-claims-json")
    }

    @Test("a deployment without claims and problems ends with status 0, bad input with 2")
    func endsWithStatus() throws {
        let folder = try TestFolder()
        let flat = try Repository.text("Plans/small.yaml")
            .replacing("pipeline_parallel: 2", with: "pipeline_parallel: 1")
            .replacing("data_parallel: 2", with: "data_parallel: 4")
        let clean = try ApusProcess.run("audit", try folder.write(flat, to: "flat.yaml"))
        #expect(clean.status == 0)
        let unsound = try folder.write(
            flat.replacing("data_parallel: 4", with: "data_parallel: 8"), to: "unsound.yaml")
        let wide = try ApusProcess.run("audit", unsound)
        #expect(wide.status == 1)
        #expect(wide.output.contains("`plan` needs 8 ranks, `cluster` has 4  [world-size]"))
        let broken = try folder.write("plan: [", to: "broken.yaml")
        let refused = try ApusProcess.run("audit", broken, "--json")
        #expect(refused.status == 2)
        #expect(refused.output.isEmpty)
    }
}
