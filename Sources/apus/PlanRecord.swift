import ApusBase
import ApusCost
import ApusPlan
import ApusPlanner

<<<<<<< HEAD
/// The answer of `apus plan` as `--json` gives it out.
struct PlanAnswerRecord: Encodable {
=======
/// The outcome of a search as `--json` gives it out.
struct PlanRecord: Encodable {
>>>>>>> plancli
    var searched: Int
    var pruned: Int
    var evaluated: Int
    var feasible: Int
    var seconds: Double
<<<<<<< HEAD
    var plans: [PlannedStrategyRecord]
    var front: [FrontRecord]
    var advice: [AdviceRecord]
    var why_not: WhyNotRecord?
    var budget: BudgetRecord?
    /// Why there is no plan.
    var reason: String?
}

struct PlannedStrategyRecord: Encodable {
    var plan: PlanRecord
=======
    var plans: [PlanEntryRecord]
    /// What no strategy beats in step time, memory and time to first token, fastest first.
    var front: [PlanFrontRecord]
    /// The file's own plan.
    var own: PlanEntryRecord?
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
>>>>>>> plancli
    var step_time_s: Double
    var tokens_per_s: Double
    var tokens_per_s_per_gpu: Double
    var mfu: Double
    var memory_peak_bytes: Int
    var ttft_s: Double
<<<<<<< HEAD
    var time_per_output_token_s: Double
    var pareto: Bool
    var bubble: Double
    var communication_exposed: Double
    var measured_share: Double
    var confidence: Confidence
    /// The parts of the step, in seconds.
    var parts: [String: Double]
    var by_length: [LengthRecord]

    struct Confidence: Encodable {
=======
    var pareto: Bool
    var bubble: Double
    var communication_exposed: Double
    var confidence: ConfidenceRecord
    var measured_share: Double
    var by_sequence_length: [LengthRecord]
    var fits: Bool?
    var times_as_long: Double?

    struct ConfidenceRecord: Encodable {
>>>>>>> plancli
        var low_s: Double
        var high_s: Double
    }

    struct LengthRecord: Encodable {
        var sequence_length: Int
<<<<<<< HEAD
        var weight: Double
=======
>>>>>>> plancli
        var step_time_s: Double
        var tokens_per_s: Double
        var memory_peak_bytes: Int
        var ttft_s: Double
<<<<<<< HEAD
    }

    init(_ strategy: PlannedStrategy, isOnFront: Bool) {
        plan = PlanRecord(strategy.plan)
=======
        var bubble: Double
    }

    init(_ entry: PlanOutcome.Entry) {
        self.init(entry.strategy, isPareto: entry.isPareto)
    }

    private init(_ strategy: PlannedStrategy, isPareto: Bool) {
        plan = PlanKeysRecord(strategy.plan)
>>>>>>> plancli
        step_time_s = strategy.stepTime.count
        tokens_per_s = strategy.tokensPerSecond
        tokens_per_s_per_gpu = strategy.tokensPerSecondPerGPU
        mfu = strategy.modelFLOPsUtilization
        memory_peak_bytes = strategy.memoryPeak.count
        ttft_s = strategy.timeToFirstToken.count
<<<<<<< HEAD
        time_per_output_token_s = strategy.timePerOutputToken.count
        pareto = isOnFront
        bubble = strategy.bubble
        communication_exposed = strategy.communicationExposed
        measured_share = strategy.measuredShare
        confidence = Confidence(low_s: strategy.low.count, high_s: strategy.high.count)
        parts = Dictionary(
            uniqueKeysWithValues: TimeParts(strategy).parts.map { ($0.name, $0.time.count) })
        by_length = strategy.lengths.map {
            LengthRecord(
                sequence_length: $0.step.sequenceLength, weight: $0.weight,
                step_time_s: $0.prediction.stepTime.count,
                tokens_per_s: $0.prediction.tokensPerSecond,
                memory_peak_bytes: $0.prediction.memoryPeak.count,
                ttft_s: $0.timeToFirstToken.count)
        }
    }
}

/// A plan with the keys of a deployment file.
struct PlanRecord: Encodable {
    var pipeline_parallel: Int
    var data_parallel: Int
    var context_parallel: Int
    var tensor_parallel: Int
    var expert_parallel: Int
    var expert_tensor_parallel: Int
    var schedule: String
    var chunks_per_rank: Int
    var zero_stage: Int
    var pipeline_placement: String
    var layers_per_stage: [Int]?
    var sequence_parallel: Bool
    var overlap: Bool
    var micro_batches: Int?
    var sequences_per_data_rank: Int?
    var recompute: String?
    var by_sequence_length: [Bucket]?

    struct Bucket: Encodable {
        var up_to: Int?
        var tensor_parallel: Int
        var micro_batches: Int
        var sequences_per_data_rank: Int
        var recompute: String
    }

    init(_ plan: Plan) {
        pipeline_parallel = plan.degrees.pipeline
        data_parallel = plan.degrees.data
        context_parallel = plan.degrees.context
        tensor_parallel = plan.degrees.tensor
        expert_parallel = plan.degrees.expert
        expert_tensor_parallel = plan.degrees.expertTensor
        schedule = plan.schedule.rawValue
        chunks_per_rank = plan.chunksPerRank
        zero_stage = plan.zeroStage
        pipeline_placement = plan.pipelinePlacement.rawValue
        layers_per_stage = plan.layersPerStage
        sequence_parallel = plan.sequenceParallel
        overlap = plan.overlap
        if plan.buckets.count == 1, let bucket = plan.buckets.first {
            micro_batches = bucket.microBatches
            sequences_per_data_rank = bucket.sequencesPerDataRank
            recompute = bucket.recompute.rawValue
        } else {
            by_sequence_length = plan.buckets.map {
                Bucket(
                    up_to: $0.lengthMax, tensor_parallel: $0.tensorParallel,
                    micro_batches: $0.microBatches,
                    sequences_per_data_rank: $0.sequencesPerDataRank,
                    recompute: $0.recompute.rawValue)
            }
=======
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
                ttft_s: $0.timeToFirstToken.count, bubble: $0.prediction.bubble)
>>>>>>> plancli
        }
    }
}

/// A strategy of the Pareto front.
<<<<<<< HEAD
struct FrontRecord: Encodable {
    var plan: PlanRecord
=======
struct PlanFrontRecord: Encodable {
    var plan: PlanKeysRecord
>>>>>>> plancli
    var step_time_s: Double
    var memory_peak_bytes: Int
    var ttft_s: Double

    init(_ candidate: Candidate, sequences: Int) {
<<<<<<< HEAD
        plan = PlanRecord(candidate.plan(sequences: sequences))
=======
        plan = PlanKeysRecord(candidate.plan(sequences: sequences))
>>>>>>> plancli
        step_time_s = candidate.stepTime.count
        memory_peak_bytes = candidate.memory.count
        ttft_s = candidate.timeToFirstToken.count
    }
}

<<<<<<< HEAD
struct AdviceRecord: Encodable {
    var change: String
    var gain: Double
    var memory_bytes: Int?

    init(_ advice: Advice) {
        change = advice.change
        gain = advice.gain
        memory_bytes = advice.memory?.count
    }
}

struct WhyNotRecord: Encodable {
    /// `impossible`, `too_large` or `slower`.
    var verdict: String
    var reason: String
    var plan: PlanRecord?
    var step_time_s: Double?
    var memory_peak_bytes: Int?
    /// How much longer its steps are, as a share of the best.
    var slower_by: Double?
    var causes: [String: Double]?

    init(_ whyNot: WhyNot, limit: Bytes) {
        reason = PlanText.sentence(for: whyNot, limit: limit)
        let strategy: PlannedStrategy
        switch whyNot {
        case .impossible:
            verdict = "impossible"
            return
        case .tooLarge(let tooLarge):
            verdict = "too_large"
            strategy = tooLarge
        case .slower(let slower, let share, let because):
            verdict = "slower"
            strategy = slower
            slower_by = share
            causes = Dictionary(uniqueKeysWithValues: because.map { ($0.name, $0.share) })
        }
        plan = PlanRecord(strategy.plan)
        step_time_s = strategy.stepTime.count
        memory_peak_bytes = strategy.memoryPeak.count
    }
}

struct BudgetRecord: Encodable {
    var tokens: Double
    var gpus: Int
    var days: Double
    var gpu_hours: Double
    var price: Double?

    init(_ bill: Budget.Bill, tokens: Double) {
        self.tokens = tokens
        gpus = bill.gpus
        days = bill.days
        gpu_hours = bill.gpuHours
        price = bill.price
=======
/// What a number of tokens takes.
struct PlanBudgetRecord: Encodable {
    var tokens: Double
    var days_max: Double?
    var price_per_gpu_hour: Double?
    /// On the cluster as it is.
    var cluster: BillRecord?
    /// On the smallest cluster that is fast enough.
    var smallest: BillRecord?
    var smallest_plan: PlanKeysRecord?

    init(_ budget: PlanBudget) {
        tokens = budget.budget.tokens
        days_max = budget.daysMax
        price_per_gpu_hour = budget.budget.pricePerGPUHour
        cluster = budget.bill.map { BillRecord($0) }
        smallest = budget.found.map { BillRecord($0.bill) }
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
>>>>>>> plancli
    }
}
