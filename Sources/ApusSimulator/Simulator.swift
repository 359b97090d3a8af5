package import ApusBase
package import ApusCost
import ApusPlan
package import ApusProgram
package import ApusTrace

/// Interprets a program in virtual time: it prices each instruction where the runtime performs it.
///
/// `docs/simulator.md` says what the model of time is.
package struct Simulator<Prices: InstructionPrices> {
    private let program: Program
    private let prices: Prices
    /// Processor cores that all ranks share; `nil` where each has its own device.
    private let cores: Int?
    /// How much longer work takes while one core is busy, while two are, and so on.
    private let slowdowns: [Double]
    private let persistent: (ProgramClass) -> Bytes
    /// What disturbs the step.
    package var conditions = Conditions()

    /// A simulator with prices of its own.
    package init(
        program: Program, prices: Prices, cores: Int? = nil, slowdowns: [Double] = [],
        persistent: @escaping (ProgramClass) -> Bytes = { _ in .zero }
    ) {
        self.program = program
        self.prices = prices
        self.cores = cores
        self.slowdowns = slowdowns
        self.persistent = persistent
    }

    /// One step from its first instruction to the end of the slowest rank.
    ///
    /// The program has to be proven (`Program.verify`); one that deadlocks ends in a trap.
    ///
    /// - Parameter subject: what the result's trace says of itself; without it there is none.
    /// - Returns: the step's time, and how each set of ranks spends it.
    package func run(tracing subject: Trace.Subject? = nil) -> SimulatedStep {
        let actors = ActorSet(program, conditions)
        let (programs, programOf) = lowered(actors.actors, records: subject != nil)
        let table = LaneTable(
            actors, programs: programs, programOf: programOf, levels: prices.level,
            conditions: conditions)
        var machine = StepMachine(
            actors.actors, programs: programs, programOf: programOf, table: table, cores: cores,
            slowdowns: slowdowns, conditions: conditions, records: subject != nil)
        machine.run()
        let end = machine.states.map(\.finish).max() ?? 0
        let sets = zip(actors.actors, machine.states).enumerated().map { index, pair in
            let (actor, state) = pair
            let lowered = programs[programOf[index]]
            let idle = end - state.computation - state.exposed - state.skew
            return SimulatedStep.RankSet(
                rank: actor.rank, rankCount: actor.rankCount,
                stage: program.classes[actor.classIndex].stage,
                computation: Seconds(state.computation), exposed: Seconds(state.exposed),
                skew: Seconds(state.skew), bubble: Seconds(max(0, idle)),
                finish: Seconds(state.finish),
                persistent: persistent(program.classes[actor.classIndex]),
                slotPeak: Bytes(lowered.heldPeak))
        }
        var result = SimulatedStep(
            stepTime: Seconds(end), rankSets: sets,
            sent: sent(actors.actors, programs, programOf),
            instructionCount: programOf.map { programs[$0].operations.count }.reduce(0, +))
        if let subject {
            let builder = PredictedTrace(
                program: program, programs: programs, programOf: programOf, table: table,
                machine: machine)
            result.trace = builder.trace(of: sets, subject: subject)
        }
        return result
    }

    /// The programs of all actors; those of one class that compute alike share one.
    @_specialize(where Prices == InstructionPricer)
    private func lowered(_ actors: [Actor], records: Bool) -> ([LoweredProgram], [Int]) {
        var programs: [LoweredProgram] = []
        var known: [Variant: Int] = [:]
        let programOf = actors.map { actor in
            let variant = Variant(classIndex: actor.classIndex, isHot: actor.isHot)
            if let index = known[variant] { return index }
            known[variant] = programs.count
            programs.append(
                LoweredProgram(
                    program.classes[actor.classIndex], index: actor.classIndex,
                    prices: prices(isHot: actor.isHot), records: records))
            return programs.count - 1
        }
        return (programs, programOf)
    }

    /// Prices with the rows that a rank's experts get: a hot share, or what it leaves the others.
    private func prices(isHot: Bool) -> Prices {
        let shares = Double(program.mesh.degrees.expert)
        guard let hot = conditions.hotExpertShare, shares > 1 else { return prices }
        return prices.withExpertRows(
            isHot ? hot * shares : (1 - hot) * shares / (shares - 1))
    }

    private func sent(
        _ actors: [Actor], _ programs: [LoweredProgram], _ programOf: [Int]
    ) -> [SimulatedStep.SentBytes] {
        var sizes: [String: Bytes] = [:]
        for (actor, index) in zip(actors, programOf) {
            for case .some(let entry) in programs[index].sent {
                sizes[String(entry.payload.kind), default: .zero] +=
                    actor.rankCount * entry.size
            }
        }
        return sizes.sorted { $0.key < $1.key }.map { .init(kind: $0.key, size: $0.value) }
    }
}

extension Simulator where Prices == InstructionPricer {
    /// A simulator with the cost model's prices, on the step's cluster.
    package init(program: Program, step: Step, model: CostModel) {
        self.init(
            program: program,
            prices: InstructionPricer(program: program, step: step, model: model),
            cores: step.cluster.cores,
            slowdowns: (1...max(1, step.cluster.cores ?? 1)).map {
                step.cluster.calibration?.slowdown(busyCores: $0) ?? 1
            }
        ) { program.persistentSize(of: $0, in: step.model) }
    }
}

/// What decides the prices of an actor's program.
private struct Variant: Hashable {
    var classIndex: Int
    var isHot: Bool
}
