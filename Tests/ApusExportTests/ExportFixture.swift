import ApusBase
import ApusPlan
import ApusTestSupport
import Foundation
import Testing

@testable import ApusExport

/// Deployments with a plan that tests export.
enum ExportFixture {
    static let files =
        [
            "attention-sinks", "context-parallel", "latent-attention", "learned-positions",
            "replaced-experts",
        ].map { "Tests/Fixtures/Exports/\($0).yaml" } + [
            "Plans/small.yaml", "Plans/strategy-16gpu.yaml",
        ]

    static func request(
        _ file: String, to target: ExportTarget, framework: ExportFramework = .apus,
        length: Int? = nil
    ) throws -> ExportRequest {
        let read = try DeploymentFile.stored(file)
        return ExportRequest(
            deployment: read.deployment, plan: try #require(read.deployment.plan), target: target,
            framework: framework, file: file, length: length, positions: read.positions)
    }

    /// A request for a random deployment; those without a plan get none.
    static func random(seed: Int, to target: ExportTarget) -> ExportRequest? {
        var generator = SeededGenerator(seed: UInt64(seed))
        let deployment = Deployment.random(using: &generator)
        guard let plan = deployment.plan else { return nil }
        return ExportRequest(
            deployment: deployment, plan: plan, target: target, file: "random-\(seed).yaml")
    }

    /// The jobs of all files and of many random deployments.
    static func jobs(seeds: Range<Int> = 0..<150) throws -> [ExportJob] {
        let requests =
            try files.map { try request($0, to: .megatron) }
            + seeds.compactMap { random(seed: $0, to: .megatron) }
        return requests.flatMap { request in
            request.plan.buckets.indices.map { index in
                ExportJob(
                    request, bucketIndex: index,
                    sequenceLength: request.plan.buckets[index].lengthMax
                        ?? request.deployment.workload.sequenceLengths.max() ?? 1)
            }
        }
    }
}

/// What the parsers of the frameworks know, as their packages told.
struct KnownOptions {
    struct Option {
        var arity: String
        var type: String
        var choices: [String]
    }

    private var options: [String: Option] = [:]

    init() throws {
        for line in try Repository.text("Tests/Fixtures/export-options.tsv").split(separator: "\n")
        where !line.hasPrefix("#") {
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
                .map(String.init)
            options["\(columns[0]) \(columns[1])"] = Option(
                arity: columns.count > 2 ? columns[2] : "1",
                type: columns.count > 3 ? columns[3] : "",
                choices: columns.count > 4 ? columns[4].split(separator: "|").map(String.init) : [])
        }
        try #require(options.count > 1000)
    }

    func option(_ name: String, of target: String) -> Option? { options["\(target) \(name)"] }

    /// What is wrong with an option and its values, or nothing.
    func problem(_ words: [String], of target: String) -> String? {
        guard let option = option(words[0], of: target) else { return "\(words[0]) is unknown" }
        let values = words.dropFirst()
        let isCountRight =
            option.arity == "+" ? !values.isEmpty : values.count == Int(option.arity)
        guard isCountRight else { return "\(words) has not \(option.arity) values" }
        for value in values {
            if !option.choices.isEmpty, !option.choices.contains(value) {
                return "\(value) is no choice of \(words[0])"
            }
            if option.type == "int", Int(value) == nil { return "\(words) is no integer" }
            if option.type == "float", Double(value) == nil { return "\(words) is no number" }
        }
        return nil
    }
}
