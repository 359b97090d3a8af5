import ApusAudit
import ApusBase
import ApusCost
import ApusPlan
import ApusProgram
import ApusSimulator

/// What `apus explain` says of a model, and of the steps of its plan.
struct Explanation {
    /// A quantity by its one definition.
    struct Entry {
        var name: String
        var measure: Measure
    }

    /// One sequence length under the plan.
    struct LengthEntry {
        var step: Step
        var prediction: StepPrediction
        var traffic: [StageTraffic]
        /// Of one request, with nothing else running: its first token, and each after it.
        var timeToFirstToken: Seconds
        var timePerOutputToken: Seconds
        /// The step of the compiled program, priced instruction by instruction; `nil` where the
        /// plan cannot be compiled yet.
        var program: ProgramPrice?
    }

    /// The closed form and the program that the runtime would perform, with the same prices.
    struct ProgramPrice {
        var simulated: Seconds
        var closedForm: Seconds
    }

    var model: Model
    var parameters: [Entry]
    var flops: [(length: Int, entries: [Entry])]
    var lengths: [LengthEntry]

    init(model: Model, lengths: [Int], deployment: Deployment?) {
        self.model = model
        let quantities = Quantities(
            of: deployment
                ?? Deployment(
                    model: model, cluster: nil,
                    workload: Workload(sequencesPerBatch: 1, sequenceLengths: lengths), plan: nil,
                    routing: Routing(), claims: [], run: RunSettings()))
        parameters = Self.parameterQuantities.map { name, quantity in
            Entry(name: name, measure: quantities.measure(quantity, at: lengths[0]))
        }
        flops = lengths.map { length in
            (
                length,
                Self.flopsQuantities.map { name, quantity in
                    Entry(name: name, measure: quantities.measure(quantity, at: length))
                }
            )
        }
        self.lengths = lengths.compactMap { length in
            quantities.step(at: length).map(Self.priced)
        }
    }

    private static let parameterQuantities: [(String, Quantity)] = [
        ("total", .parameters), ("active", .activeParameters),
        ("attention", .attentionParameters), ("experts", .expertParameters),
        ("router", .routerParameters), ("embedding", .embeddingParameters),
        ("norms", .normParameters),
    ]
    private static let flopsQuantities: [(String, Quantity)] = [
        ("total", .flopsPerToken), ("attention", .attentionFLOPs), ("experts", .expertFLOPs),
        ("head", .headFLOPs),
    ]

    private static func priced(_ step: Step) -> LengthEntry {
        let model = CostModel(cluster: step.cluster)
        return LengthEntry(
            step: step, prediction: model.predict(step), traffic: model.traffic(of: step),
            timeToFirstToken: model.timeToFirstToken(of: step),
            timePerOutputToken: model.timePerOutputToken(of: step),
            program: programPrice(step, model))
    }

    private static func programPrice(_ step: Step, _ model: CostModel) -> ProgramPrice? {
        var compiled = step
        compiled.implementation = .compiled
        // The program has one flush; accumulation makes it longer, not different.
        compiled.workload.sequencesPerBatch = compiled.sequencesPerFlush
        let shape = StepShape(
            bucket: step.bucket, length: step.sequenceLength,
            precision: step.workload.precision)
        let program = try? compile(model: step.model, plan: step.plan, shape: shape)
        guard let program, program.verify(for: step.model).isEmpty else { return nil }
        let simulated = Simulator(program: program, step: compiled, model: model).run()
        return ProgramPrice(
            simulated: simulated.stepTime, closedForm: model.predict(compiled).stepTime)
    }
}
