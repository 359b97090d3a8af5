import ApusBase
import ApusPlan
import ApusPlanner
import ArgumentParser

/// Plans for several clusters that differ in one thing.
struct PlanSweep {
    private let key: Key
    private let values: [Double]

    private enum Key: String, CaseIterable {
        case gpus
        case bandwidth = "cluster.bandwidth"
    }

    private struct Row: Encodable {
        var value: Double
        var gpus: Int
        var plan: PlannedStrategyRecord?
    }

    init(_ text: String) throws {
        let words = text.split(separator: "=", maxSplits: 1)
        let names = Key.allCases.map { "`\($0.rawValue)`" }.joined(separator: " or ")
        guard words.count == 2, let key = Key(rawValue: String(words[0])) else {
            throw ValidationError(
                "`--sweep \(text)` names no quantity; it is \(names), such as "
                    + "`gpus=64,128,256` or `cluster.bandwidth=0.5,1,2`")
        }
        self.key = key
        let range = key == .gpus ? 1...65_536.0 : 1e-3...1e3
        values = try words[1].split(separator: ",", omittingEmptySubsequences: false).map { word in
            guard let value = Double(word), range.contains(value),
                key != .gpus || value == value.rounded()
            else {
                throw ValidationError(
                    "`--sweep \(text)` has `\(word)`, which is no value of `\(key.rawValue)`")
            }
            return value
        }
        guard values.count <= 64 else {
            throw ValidationError("`--sweep` takes at most 64 values")
        }
    }

    func run(_ problem: SearchProblem, top: Int, options: SharedOptions) throws {
        var rows: [Row] = []
        var table = TextTable(leftColumns: [1])
        table.rows = [
            [key.rawValue, "layout", "step", "tokens/s", "tokens/s/GPU", "MFU", "memory"]
        ]
        for value in values {
            let scaled = try scaled(problem, by: value)
            let planner = Planner(scaled)
            let best = planner.finalists(planner.search()).first
            rows.append(
                Row(
                    value: value, gpus: scaled.cluster.worldSize,
                    plan: best.map { PlannedStrategyRecord($0, isOnFront: true) }))
            guard let best else {
                table.rows.append([plain(value), "nothing fits"])
                continue
            }
            table.rows.append([
                plain(value), best.plan.degrees.summary, "\(best.stepTime)",
                grouped(Int(best.tokensPerSecond.rounded())),
                grouped(Int(best.tokensPerSecondPerGPU.rounded())),
                PlanText.percent(best.modelFLOPsUtilization), "\(best.memoryPeak)",
            ])
        }
        if options.json {
            try printJSON(rows)
        } else {
            if !options.quiet { printLine(PlanText(problem: problem).title) }
            for line in table.lines { printLine(line) }
        }
        if rows.allSatisfy({ $0.plan == nil }) { throw ExitCode.no }
    }

    private func scaled(_ problem: SearchProblem, by value: Double) throws -> SearchProblem {
        var cluster = problem.cluster
        switch key {
        case .gpus:
            let count = Int(value)
            cluster.gpusPerNode = min(cluster.gpusPerNode, count)
            guard count.isMultiple(of: cluster.gpusPerNode) else {
                throw ValidationError(
                    "`--sweep gpus=\(count)` is no whole nodes of \(cluster.gpusPerNode)")
            }
            cluster.nodeCount = count / cluster.gpusPerNode
        case .bandwidth:
            cluster.links = cluster.linksOrDefault
            for index in cluster.links.indices {
                cluster.links[index].bandwidthGBPerSecond *= value
            }
        }
        guard let scaled = problem.scaled(to: cluster) else {
            throw ValidationError("`--sweep` has more GPUs than Apus handles")
        }
        return scaled
    }
}
