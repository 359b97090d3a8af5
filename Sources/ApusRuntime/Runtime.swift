package import ApusBase
package import ApusEngine
package import ApusPlan
package import ApusProgram
import ApusSystem

/// What a rank needs to run its part of a program.
package struct RankSetting: Sendable {
    package var rank: Rank
    package var model: Model
    package var program: Program
    package var settings: RunSettings

    package init(rank: Rank, model: Model, program: Program, settings: RunSettings) {
        self.rank = rank
        self.model = model
        self.program = program
        self.settings = settings
    }
}

extension RankSetting {
    /// The weights that the rank stores.
    var parameters: [StoredParameter] {
        let mesh = program.mesh
        return program.programClass(of: rank).parameters(
            of: model, mesh: mesh, experts: mesh.experts(of: rank, in: model))
    }
}

/// The tokens of one micro-batch on one data-parallel rank, `[tokens]` each.
package struct TokenBatch: Sendable {
    package var inputs: [Int64]
    /// For each input the token that follows it.
    package var targets: [Int64]

    package init(inputs: [Int64], targets: [Int64]) {
        self.inputs = inputs
        self.targets = targets
    }
}

/// Performs a rank's program on the engine, one step after the other.
///
/// A class because a run owns what lives between steps (weights, groups, transfers in flight) and
/// one rank's thread drives it from start to end; everything it does is synchronous.
package final class Runtime {
    package let setting: RankSetting
    package let parameters: ParameterStore
    let engine: Engine
    private(set) var islands: Islands
    let program: ProgramClass
    let communicators: Communicators
    let optimizer: AdamW
    let learningRate: LearningRate
    var slots: SlotStore
    /// The step that runs, from 0.
    var currentStep = 0
    var transfers: TransferList
    var statistics: StepStatistics
    /// The statistics on their way, `[entries]` in FP64.
    var message: Tensor
    /// Whether this rank was asked to stop; it tells the others at the end of a step.
    package var isStopRequested: () -> Bool = { false }
    /// Seconds of the step spent waiting for collectives, and for pipeline neighbours.
    var communicationSeconds = 0.0
    var bubbleSeconds = 0.0
    /// Measures what this rank computes for micro-batches in a step.
    var computation: ComputationWatch
    /// Notes when each instruction is performed, where a trace is wanted.
    var recorder: StepRecorder?
    /// As if so many ranks had sent the experts their rows, which are then sorted by expert first;
    /// for measuring how long that takes.
    package var expertSources = 1

    /// Makes the rank's weights and joins its process groups.
    package convenience init(
        _ setting: RankSetting, engine: Engine, meeting: Communicators.Meeting
    ) throws(EngineError) {
        let parameters = try ParameterStore(
            engine: engine, parameters: setting.parameters,
            buckets: setting.program.programClass(of: setting.rank).buckets,
            seed: setting.settings.seed)
        try self.init(setting, engine: engine, meeting: meeting, parameters: parameters)
    }

    /// Joins the process groups of a program with the weights that it asks for.
    init(
        _ setting: RankSetting, engine: Engine, meeting: Communicators.Meeting,
        parameters: ParameterStore, sharing joined: JoinedGroups = JoinedGroups()
    ) throws(EngineError) {
        self.setting = setting
        self.engine = engine
        self.parameters = parameters
        let mesh = setting.program.mesh
        program = setting.program.programClass(of: setting.rank)
        islands = Islands(
            engine: engine, model: setting.model, parameters: parameters,
            sequenceLength: setting.program.shape.sequenceLength,
            slice: HeadSlice(
                setting.model, index: mesh.tensorIndex(of: setting.rank),
                of: mesh.degrees.tensor))
        communicators = try Communicators(
            engine: engine, meeting: meeting, mesh: mesh, rank: setting.rank, program: program,
            sharing: joined)
        optimizer = AdamW(weightDecay: setting.settings.weightDecay)
        learningRate = LearningRate(
            peak: setting.settings.learningRate, warmupSteps: setting.settings.warmupSteps,
            steps: setting.settings.steps)
        slots = SlotStore(count: program.slots.count)
        transfers = TransferList()
        computation = ComputationWatch(device: engine.device)
        statistics = StepStatistics(model: setting.model, worldSize: mesh.worldSize)
        message = try engine.zeros([statistics.values.count], .float64)
    }

    /// Looks at the routers' scores, where somebody wants to know about ties.
    package var ties: TieWatch? {
        get { islands.ties }
        set { islands.ties = newValue }
    }

    /// Runs one optimizer step, counted from 0.
    ///
    /// - Parameters:
    ///   - step: the step's index.
    ///   - batch: the rank's tokens of a micro-batch.
    /// - Returns: what the step did, the same on every rank but for its time.
    /// - Throws: `RuntimeError` with the instruction that could not be performed.
    package func step(
        _ step: Int, batch: (_ microBatch: Int) -> TokenBatch
    ) throws(RuntimeError) -> StepRecord {
        let start = monotonicSeconds()
        currentStep = step
        engine.resetPeak()
        statistics.clear()
        communicationSeconds = 0
        bubbleSeconds = 0
        computation.clear()
        recorder?.beginStep(held: Bytes(engine.memory().current))
        for (index, instruction) in program.instructions.enumerated() {
            let began = recorder == nil ? 0 : monotonicSeconds()
            let isComputation = instruction.isMicroBatchComputation
            if isComputation { computation.begin() }
            do {
                try perform(instruction, step: step, batch: batch)
            } catch {
                throw RuntimeError(
                    rank: setting.rank, step: step + 1,
                    instruction: (index, instruction.description), cause: error.cause,
                    isCommunication: instruction.isCommunication)
            }
            if isComputation { computation.end() }
            recorder?.note(
                instruction, at: index, step: step + 1, from: began, to: monotonicSeconds(),
                held: Bytes(engine.memory().current))
        }
        return record(step, seconds: monotonicSeconds() - start)
    }

    /// Tokens of one step, over all data-parallel ranks.
    package var tokensPerStep: Int {
        let shape = setting.program.shape
        return shape.tokensPerMicroBatch * shape.microBatches * setting.program.mesh.degrees.data
    }

    private func record(_ step: Int, seconds: Double) -> StepRecord {
        let assignments = tokensPerStep * setting.model.topK * setting.model.layerCount
        return StepRecord(
            step: step + 1, sequenceLength: setting.program.shape.sequenceLength,
            loss: statistics.loss, tokens: tokensPerStep, stepSeconds: seconds,
            learningRate: learningRate(step), gradientNorm: statistics.gradientNorm,
            memoryPeak: statistics.memoryPeakMax, expertLoadCV: statistics.expertLoadCV,
            expertLoads: statistics.expertLoads,
            kept: assignments, rerouted: 0, buffered: 0, dropped: 0,
            communicationSeconds: statistics.communicationMean,
            bubbleSeconds: statistics.bubbleMean,
            stageComputeSeconds: statistics.computationMeans(by: setting.program.mesh),
            endsRun: statistics.stopRequests > 0)
    }
}

/// A failure of one instruction, before it is known where it happened.
struct InstructionFailure: Error {
    var cause: RuntimeError.Cause

    init(_ error: EngineError) { cause = .engine(error) }
    init(check text: String) { cause = .check(text) }
}

extension Mesh {
    /// The experts of each layer that a rank holds, by global index.
    package func experts(of rank: Rank, in model: Model) -> Range<Int> {
        let share = model.expertCount / degrees.expert
        let index = expertIndex(local: position(of: rank).local)
        return (index * share)..<((index + 1) * share)
    }
}

extension Instruction {
    /// Whether the instruction can fail because another rank did.
    var isCommunication: Bool {
        switch self {
        case .start, .wait: true
        case .zeroGradients, .forward, .backward, .weightBackward, .free, .gradientNorm,
            .optimizerStep:
            false
        }
    }
}
