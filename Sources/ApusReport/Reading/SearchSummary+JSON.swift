package import ApusBase
import Foundation

extension SearchSummary {
    /// Reads what `apus plan --json` printed.
    package init(json: [UInt8], file: String) throws(Problems) {
        let document: PlanDocument
        do {
            document = try JSONDecoder().decode(PlanDocument.self, from: Data(json))
        } catch {
            throw unreadable(
                file, "cannot read the file as a search of plans",
                expected: "what `apus plan --json` prints: `searched`, and `plans` with their times"
            )
        }
        let own = document.own.map { [$0.strategy(isOwn: true)] } ?? []
        self.init(
            summary: "Searched \(grouped(document.searched)) plans, priced "
                + "\(grouped(document.evaluated)), of which \(grouped(document.feasible)) fit.",
            strategies: (document.plans.map { $0.strategy(isOwn: false) } + own)
                .sorted { ($0.stepTime, $0.name) < ($1.stepTime, $1.name) },
            memoryLimit: document.memory_limit_bytes)
    }
}

private struct PlanDocument: Decodable {
    struct Entry: Decodable {
        var plan: Keys
        var step_time_s: Double
        var tokens_per_s_per_gpu: Double?
        var memory_peak_bytes: Int
        var ttft_s: Double?
        var pareto: Bool?

        func strategy(isOwn: Bool) -> SearchSummary.Strategy {
            SearchSummary.Strategy(
                name: plan.name, stepTime: step_time_s,
                tokensPerSecondPerGPU: tokens_per_s_per_gpu, memoryPeak: memory_peak_bytes,
                timeToFirstToken: ttft_s, isPareto: pareto ?? false, isOwn: isOwn)
        }
    }

    struct Keys: Decodable {
        var pipeline_parallel: Int?
        var data_parallel: Int?
        var context_parallel: Int?
        var tensor_parallel: Int?
        var expert_parallel: Int?
        var schedule: String?
        var recompute: String?
        var zero_stage: Int?

        var name: String {
            let degrees: [(String, Int?)] = [
                ("pp", pipeline_parallel), ("dp", data_parallel), ("cp", context_parallel),
                ("tp", tensor_parallel), ("ep", expert_parallel),
            ]
            let layout = degrees.compactMap { name, degree in
                degree.flatMap { $0 > 1 ? "\(name)\($0)" : nil }
            }.joined(separator: ",")
            let more = [
                schedule, recompute.flatMap { $0 == "none" ? nil : "recompute \($0)" },
                zero_stage.flatMap { $0 > 0 ? "ZeRO \($0)" : nil },
            ]
            return ([layout.isEmpty ? "1 rank" : layout] + more.compactMap(\.self))
                .joined(separator: " · ")
        }
    }

    var searched: Int
    var evaluated: Int
    var feasible: Int
    var plans: [Entry]
    var own: Entry?
    var memory_limit_bytes: Int?
}
