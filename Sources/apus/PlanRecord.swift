import ApusBase
import ApusCost
import ApusPlan
import ApusPlanner

/// The outcome of a search as `--json` gives it out.
struct PlanRecord: Encodable {
    var searched: Int
    var pruned: Int
    var evaluated: Int
    var feasible: Int
    var seconds: Double
    var plans: [PlanEntryRecord]
    /// What no strategy beats in step time, memory and time to first token, fastest first.
    var front: [PlanFrontRecord]
    /// The file's own plan.
    var own: PlanEntryRecord?
    /// With `--layout`, the best plan of all degrees.
    var best: BestRecord?
    var advice: [AdviceRecord]
    var memory_limit_bytes: Int
    /// Where nothing fits.
    var least_memory_bytes: Int?
    var least_memory_plan: PlanKeysRecord?
    var fits_on_gpus: Int?
    var budget: PlanBudgetRecord?

    init(_ outcome: PlanOutcome, _ answer: PlanAnswer) {
        let counts = outcome.answer.counts
        searched = counts.searched
        pruned = counts.pruned
        evaluated = counts.evaluated
        feasible = counts.feasible
        seconds = outcome.seconds
        plans = outcome.entries.map { PlanEntryRecord($0) }
        let sequences = outcome.problem.workload.sequencesPerBatch
        front = outcome.answer.front.map { PlanFrontRecord($0, sequences: sequences) }
        memory_limit_bytes = outcome.problem.memoryLimit.count
        own = outcome.own.map {
            var record = PlanEntryRecord($0)
            record.fits = $0.strategy.memoryPeak <= outcome.problem.memoryLimit
            if let best = outcome.best {
                record.times_as_long = $0.strategy.stepTime / best.stepTime
            }
            return record
        }
        best = outcome.unrestricted.map {
            BestRecord(
                plan: PlanKeysRecord($0.plan), step_time_s: $0.stepTime.count,
                memory_peak_bytes: $0.memoryPeak.count)
        }
        advice = answer.advice.map {
            AdviceRecord(change: $0.change, gain: $0.gain, memory_bytes: $0.memory?.count)
        }
        least_memory_bytes = outcome.answer.leastMemory?.count
        least_memory_plan = outcome.answer.leanest.map {
            PlanKeysRecord($0.plan(sequences: sequences))
        }
        fits_on_gpus = answer.larger?.cluster.worldSize
        budget = outcome.budget.map { PlanBudgetRecord($0) }
    }

    struct BestRecord: Encodable {
        var plan: PlanKeysRecord
        var step_time_s: Double
        var memory_peak_bytes: Int
    }

    struct AdviceRecord: Encodable {
        var change: String
        /// By how much tokens per second and GPU grow.
        var gain: Double
        var memory_bytes: Int?
    }
}

/// One plan with its predictions.
struct PlanEntryRecord: Encodable {
    var plan: PlanKeysRecord
    var step_time_s: Double
    var tokens_per_s: Double
    var tokens_per_s_per_gpu: Double
    var mfu: Double
    var memory_peak_bytes: Int
    var ttft_s: Double
    var time_per_output_token_s: Double
    var pareto: Bool
    var bubble: Double
    var communication_exposed: Double
    var confidence: ConfidenceRecord
    var measured_share: Double
    var by_sequence_length: [LengthRecord]
    var fits: Bool?
    var times_as_long: Double?

    struct ConfidenceRecord: Encodable {
        var low_s: Double
        var high_s: Double
    }

    struct LengthRecord: Encodable {
        var sequence_length: Int
        var step_time_s: Double
        var tokens_per_s: Double
        var memory_peak_bytes: Int
        var ttft_s: Double
        var time_per_output_token_s: Double
        var bubble: Double
    }

    init(_ entry: PlanOutcome.Entry) {
        self.init(entry.strategy, isPareto: entry.isPareto)
    }

    private init(_ strategy: PlannedStrategy, isPareto: Bool) {
        plan = PlanKeysRecord(strategy.plan)
        step_time_s = strategy.stepTime.count
        tokens_per_s = strategy.tokensPerSecond
        tokens_per_s_per_gpu = strategy.tokensPerSecondPerGPU
        mfu = strategy.modelFLOPsUtilization
        memory_peak_bytes = strategy.memoryPeak.count
        ttft_s = strategy.timeToFirstToken.count
        time_per_output_token_s = strategy.timePerOutputToken.count
        pareto = isPareto
        bubble = strategy.bubble
        communication_exposed = strategy.communicationExposed
        confidence = ConfidenceRecord(low_s: strategy.low.count, high_s: strategy.high.count)
        measured_share = strategy.measuredShare
        by_sequence_length = strategy.lengths.map {
            LengthRecord(
                sequence_length: $0.step.sequenceLength,
                step_time_s: $0.prediction.stepTime.count,
                tokens_per_s: $0.prediction.tokensPerSecond,
                memory_peak_bytes: $0.prediction.memoryPeak.count,
                ttft_s: $0.timeToFirstToken.count,
                time_per_output_token_s: $0.timePerOutputToken.count,
                bubble: $0.prediction.bubble)
        }
    }
}

/// A strategy of the Pareto front.
struct PlanFrontRecord: Encodable {
    var plan: PlanKeysRecord
    var step_time_s: Double
    var memory_peak_bytes: Int
    var ttft_s: Double

    init(_ candidate: Candidate, sequences: Int) {
        plan = PlanKeysRecord(candidate.plan(sequences: sequences))
        step_time_s = candidate.stepTime.count
        memory_peak_bytes = candidate.memory.count
        ttft_s = candidate.timeToFirstToken.count
    }
}

/// What a number of tokens takes.
struct PlanBudgetRecord: Encodable {
    var tokens: Double
    var days_max: Double?
    var price_per_gpu_hour: Double?
    /// On the cluster as it is.
    var cluster: BillRecord?
    /// On the smallest cluster tried that is fast enough.
    var smallest: BillRecord?
    /// On the largest and the fastest tried that are too slow, where none is fast enough.
    var largest_tried: BillRecord?
    var fastest_tried: BillRecord?
    /// The most GPUs looked at, where none is fast enough.
    var gpus_max: Int?
    var smallest_plan: PlanKeysRecord?

    init(_ budget: PlanBudget) {
        tokens = budget.budget.tokens
        days_max = budget.daysMax
        price_per_gpu_hour = budget.budget.pricePerGPUHour
        cluster = budget.bill.map { BillRecord($0) }
        smallest = budget.found.map { BillRecord($0.bill) }
        if let sizing = budget.sizing, sizing.found == nil {
            largest_tried = sizing.largest.map { BillRecord($0.bill) }
            fastest_tried = sizing.fastest.map { BillRecord($0.bill) }
            gpus_max = sizing.gpusMax
        }
        smallest_plan = budget.found.map { PlanKeysRecord($0.strategy.plan) }
    }
}

struct BillRecord: Encodable {
    var gpus: Int
    var days: Double
    var gpu_hours: Double
    var cost: Double?

    init(_ bill: Budget.Bill) {
        gpus = bill.gpus
        days = bill.days
        gpu_hours = bill.gpuHours
        cost = bill.price
    }
}
