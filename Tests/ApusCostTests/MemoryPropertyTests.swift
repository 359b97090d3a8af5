import ApusBase
import ApusCost
import ApusPlan
import Testing

@testable import ApusProgram

@Suite("A stage's memory")
struct MemoryPropertyTests {
    static let degrees = [
        Degrees(), Degrees(data: 4), Degrees(pipeline: 2, data: 4, expert: 4),
        Degrees(pipeline: 4, data: 8, expert: 2), Degrees(pipeline: 8, data: 2, context: 2),
    ]

    @Test(
        "adds up to the model's weights, once for each replica", arguments: degrees, [false, true])
    func addsUpToTheModel(degrees: Degrees, tied: Bool) {
        var model = Model.mixtral8x7B
        model.tiesEmbeddings = tied
        let step = Step.memory(model, degrees, microBatches: 8, length: 128)
        let held = degrees.stageSize * step.memory.map(\.weights.count).reduce(0, +)
        let experts = model.parameterCount(of: .experts)
        var common = model.parameterCount - experts
        if tied && degrees.pipeline > 1 { common += model.vocabularySize * model.hiddenSize }
        #expect(held == 2 * (degrees.stageSize * common + degrees.expertData * experts))
    }

    @Test(
        "has the weights that the models are known for",
        arguments: [
            (Model.llama70B, 70_553_706_496),
            (Model.mixtral8x7B, 46_702_792_704),
            (Model.deepSeekV3, 671_026_404_352),
        ])
    func knowsTheModels(model: Model, count: Int) {
        let step = Step.memory(model, Degrees(), microBatches: 1, length: 128)
        #expect(step.memory.map(\.weights.count) == [2 * count])
    }

    @Test("is sharded by ZeRO over exactly the data ranks", arguments: [1, 2, 4, 8])
    func isShardedByZeRO(data: Int) {
        let stages = (0...3).map { zero in
            Step.memory(.llama70B12, Degrees(data: data), zero: zero, microBatches: 2, length: 4096)
                .memory[0]
        }
        for stage in stages[1...] { #expect(data * stage.optimizer == stages[0].optimizer) }
        for stage in stages[2...] { #expect(data * stage.gradients == stages[0].gradients) }
        #expect(data * stages[3].weights == stages[0].weights)
        #expect(stages[1].gradients == stages[0].gradients)
        #expect(stages[2].weights == stages[0].weights)
    }

    @Test("shards experts over the ranks that hold the same ones, and the rest over all")
    func shardsExpertsApart() {
        func optimizer(_ degrees: Degrees) -> Int {
            Step.memory(.mixtral8x7B, degrees, microBatches: 1, length: 128).memory[0]
                .optimizer.count
        }
        let experts = 12 * Model.mixtral8x7B.parameterCount(of: .experts)
        let common = 12 * Model.mixtral8x7B.parameterCount - experts
        // Eight ranks hold eight experts, whichever way they are split and sharded.
        #expect(optimizer(Degrees(data: 8)) == common / 8 + experts / 8)
        #expect(optimizer(Degrees(data: 8, expert: 8)) == common / 8 + experts / 8)
        #expect(optimizer(Degrees(data: 4, tensor: 2, expert: 8)) >= common / 8 + experts / 8)
    }

    @Test("keeps less the more is computed again", arguments: [true, false])
    func recomputationSaves(fused: Bool) {
        var implementation = Implementation.standard
        implementation.fusedAttention = fused
        for model in [Model.llama70B12, .mixtral8x7B, .deepSeekV3L4] {
            let kept = Plan.Recompute.allCases.map { recompute in
                Step.memory(
                    model, Degrees(pipeline: 2), recompute: recompute, microBatches: 4,
                    length: 4096, implementation: implementation
                ).memory[0].activations
            }
            #expect(kept[0] > kept[1])
            #expect(kept[1] > kept[2])
        }
    }

    @Test("keeps a tensor rank's even share where norms are sliced too", arguments: [1, 2, 4, 8])
    func slicesActivations(tensor: Int) {
        func activations(_ tensor: Int, sequenceParallel: Bool) -> Int {
            Step.memory(
                .llama70B12, Degrees(tensor: tensor), sequenceParallel: sequenceParallel,
                microBatches: 1, length: 4096
            ).memory[0].activations.count
        }
        let whole = activations(1, sequenceParallel: true)
        #expect(tensor * activations(tensor, sequenceParallel: true) == whole)
        #expect(tensor * activations(tensor, sequenceParallel: false) >= whole)
    }

    @Test("holds logits on the stage with the head, and nowhere else", arguments: 1...4)
    func headHasLogits(pipeline: Int) {
        for schedule in Plan.Schedule.generated {
            let memory = Step.memory(
                .llama70B12, Degrees(pipeline: pipeline), schedule: schedule, chunks: 3,
                microBatches: 8, length: 4096
            ).memory
            let isV = schedule == .zeroBubbleV || schedule == .dualPipeV
            let head = isV ? 0 : pipeline - 1
            for (stage, held) in memory.enumerated() {
                #expect((held.logits > .zero) == (stage == head))
            }
        }
    }

    @Test("is the sum of its parts and never negative", arguments: degrees)
    func addsUp(degrees: Degrees) {
        for zero in 0...3 {
            let step = Step.memory(
                .mixtral8x7B, degrees, zero: zero, microBatches: 8, length: 1024)
            for held in step.memory {
                #expect(held.buffers >= .zero)
                #expect(held.steady < held.allocated)
                #expect(held.allocated < held.reserved)
                #expect(held.reserved < held.total)
            }
        }
    }

    @Test("traps on no size, however large")
    func takesAnySize() {
        let step = Step.memory(
            .llama(
                layers: 1 << 20, hidden: 1 << 24, inner: 1 << 28, heads: 1 << 16,
                keyValueHeads: 1 << 16, vocabulary: 1 << 28),
            Degrees(), schedule: .gpipe, microBatch: 1 << 20, microBatches: 1 << 10,
            length: 1 << 24)
        #expect(step.memory[0].total > Bytes(1 << 58))
    }
}

@Suite("Micro-batches in flight")
struct MicroBatchesInFlightTests {
    @Test("are those of the compiled schedule", arguments: 1...5, [1, 2, 3, 7, 16])
    func matchSchedules(stages: Int, microBatches: Int) {
        for schedule in Plan.Schedule.generated {
            let plan = Plan(
                degrees: Degrees(pipeline: stages), schedule: schedule,
                chunksPerRank: schedule == .interleaved ? 2 : 1, buckets: [])
            let compiled = PipelineSchedule(
                schedule, on: plan.virtualStages, microBatches: microBatches)
            for stage in 0..<stages {
                let most = most(compiled.entries[stage])
                let counted = plan.microBatchesInFlight(stage: stage, microBatches: microBatches)
                let held = Double(most) / Double(plan.chunks)
                switch schedule {
                case .gpipe, .oneForwardOneBackward, .interleaved, .zeroBubbleH1, .written:
                    #expect(counted == held)
                case .zeroBubbleV, .dualPipeV:
                    #expect(counted >= held)
                    if microBatches >= 2 * stages { #expect(counted <= held + 1) }
                }
            }
        }
    }

    @Test(
        "postpone the weights of as many as the compiled schedule", arguments: 1...5, [10, 16, 31])
    func matchPostponed(stages: Int, microBatches: Int) {
        for schedule in Plan.Schedule.generated {
            let plan = Plan(degrees: Degrees(pipeline: stages), schedule: schedule, buckets: [])
            let compiled = PipelineSchedule(
                schedule, on: plan.virtualStages, microBatches: microBatches)
            for stage in 0..<stages {
                var (left, most) = (0, 0)
                for entry in compiled.entries[stage] {
                    if entry.pass == .inputBackward { left += 1 }
                    if entry.pass == .weightBackward { left -= 1 }
                    most = max(most, left)
                }
                let counted = schedule.microBatchesPostponed(
                    stage: stage, pipeline: stages, microBatches: microBatches)
                // Between its halves a backward always leaves one for a moment.
                let held = Double(most) / Double(plan.chunks)
                let sum = counted.beside + counted.instead
                #expect(sum >= held - 1 && sum <= held, "\(schedule.name)")
                let written = Plan.Schedule.written(
                    WrittenSchedule(file: "x.csv", schedule: compiled)
                ).microBatchesPostponed(
                    stage: stage, pipeline: stages, microBatches: microBatches)
                let same = written.beside + written.instead
                #expect(same >= held - 1 && same <= held, "\(schedule.name) written")
                if schedule == .zeroBubbleH1 { #expect(written == counted) }
            }
        }
    }

    /// Micro-batches whose forward has run and whose backward has not, weights' part aside.
    private func most(_ entries: [ScheduleEntry]) -> Int {
        var (held, most) = (0, 0)
        for entry in entries {
            switch entry.pass {
            case .forward: held += 1
            case .backward, .inputBackward: held -= 1
            case .weightBackward: break
            }
            most = max(most, held)
        }
        return most
    }

    @Test("are no fewer with GPipe than with 1F1B", arguments: 1...8, [1, 2, 4, 8, 32])
    func gpipeHoldsMost(stages: Int, microBatches: Int) {
        func count(_ schedule: Plan.Schedule, _ stage: Int, chunks: Int = 1) -> Double {
            Plan(
                degrees: Degrees(pipeline: stages), schedule: schedule, chunksPerRank: chunks,
                buckets: []
            ).microBatchesInFlight(stage: stage, microBatches: microBatches)
        }
        for stage in 0..<stages {
            let straight = count(.oneForwardOneBackward, stage)
            #expect(count(.gpipe, stage) >= straight)
            #expect(count(.zeroBubbleH1, stage) == straight)
            #expect(count(.interleaved, stage) == straight)
            #expect(count(.zeroBubbleV, stage) == count(.oneForwardOneBackward, 0))
            #expect(count(.interleaved, stage, chunks: 4) <= Double(microBatches))
        }
        // Source: Narayanan et al. 2021, §2.2: 1 + (p − 1) / (p v) times the memory of 1F1B.
        if stages > 1 && microBatches >= 2 * stages && microBatches.isMultiple(of: stages) {
            let factor = 1 + Double(stages - 1) / Double(4 * stages)
            let counted = count(.interleaved, 0, chunks: 4)
            #expect(abs(counted - factor * Double(stages)) < 1e-9)
        }
    }
}

extension Model {
    static let deepSeekV3: Model = {
        var model = deepSeek(
            layers: 61, hidden: 7168, inner: 18432, experts: 256, topK: 8, expertInner: 2048,
            shared: 2048, vocabulary: 129_280)
        model.denseLayers = [0, 1, 2]
        return model
    }()
}
