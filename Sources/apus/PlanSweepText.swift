import ApusBase
import ApusPlan
import ApusPlanner

extension PlanSweepAxis {
    /// A table with a line for each value.
    func lines(_ points: [Point], _ budget: Budget?) -> [String] {
        var table = PlanTable([
            name, "layout", "step time", "tokens/s/GPU", "MFU", "memory", "time", "cost",
        ])
        for point in points {
            guard let strategy = point.strategy else {
                table.add([plain(point.value), "nothing fits", "", "", "", "", "", ""])
                continue
            }
            let bill = point.strategy.flatMap { budget?.bill(of: $0) }
            table.add([
                plain(point.value), strategy.plan.degrees.layout, "\(strategy.stepTime)",
                rate(strategy.tokensPerSecondPerGPU),
                percent(strategy.modelFLOPsUtilization), "\(strategy.memoryPeak)",
                bill.map { significantDays($0.days) } ?? "",
                bill?.price.map { money($0) } ?? "",
            ])
        }
        var lines = table.lines(leading: [1])
        if budget == nil { lines[0] = String(lines[0].dropLast("  time  cost".count)) }
        switch self {
        case .gpus: break
        case .bandwidth:
            lines.append("factors of the bandwidth of the network beyond the innermost links")
        }
        if let budget { lines.append("time and cost of \(grouped(Int(budget.tokens))) tokens") }
        return lines
    }
}

/// One value of a sweep, with what a plan for it has.
struct PlanSweepRecord: Encodable {
    var value: Double
    var gpus: Int
    var plan: PlanKeysRecord?
    var step_time_s: Double?
    var tokens_per_s: Double?
    var tokens_per_s_per_gpu: Double?
    var mfu: Double?
    var memory_peak_bytes: Int?
    var days: Double?
    var cost: Double?

    init(_ point: PlanSweepAxis.Point, _ budget: Budget?) {
        value = point.value
        gpus = point.cluster.worldSize
        guard let strategy = point.strategy else { return }
        plan = PlanKeysRecord(strategy.plan)
        step_time_s = strategy.stepTime.count
        tokens_per_s = strategy.tokensPerSecond
        tokens_per_s_per_gpu = strategy.tokensPerSecondPerGPU
        mfu = strategy.modelFLOPsUtilization
        memory_peak_bytes = strategy.memoryPeak.count
        let bill = budget?.bill(of: strategy)
        days = bill?.days
        cost = bill?.price
    }
}
