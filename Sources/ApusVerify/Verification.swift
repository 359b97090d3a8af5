package import ApusBase
package import ApusEngine
package import ApusPlan
import ApusProgram
import ApusSystem

/// Runs layouts of one small model and holds each against one rank.
package struct Verification {
    private let engine: Engine
    private let model: Model
    private let timeoutSeconds: Double
    private let stepCount: Int
    private let firstSeed: Int
    /// What one rank computed, by the steps that it ran.
    private var references: [[StepShape]: Reference] = [:]

    private struct Reference {
        var outcome: Outcome
        var seed: Int
        var tieDistance: Double
    }

    /// Seeds that are tried until one keeps its distance from ties.
    package static let seedsMax = 200
    package static let stepCountDefault = 5

    package init(
        engine: Engine, model: Model, timeoutSeconds: Double, firstSeed: Int = 1,
        stepCount: Int = Verification.stepCountDefault
    ) {
        self.engine = engine
        self.model = model
        self.timeoutSeconds = timeoutSeconds
        self.firstSeed = firstSeed
        self.stepCount = stepCount
    }

    /// Runs a layout and one rank, and compares them.
    ///
    /// - Throws: `Problems` where the layout does not compile or a rank fails.
    package mutating func verdict(of layout: Layout) throws(Problems) -> LayoutVerdict {
        let start = monotonicSeconds()
        let programs = try layout.shapes.map { shape throws(Problems) in
            let program = try compile(model: model, plan: layout.plan, shape: shape)
            let problems = program.verify(for: model)
            guard problems.isEmpty else { throw Problems(problems) }
            return program
        }
        let reference = try reference(for: layout.alone)
        let outcome = try LocalRanks(
            model: model, programs: programs, settings: settings(seed: reference.seed),
            timeoutSeconds: timeoutSeconds
        ).run(engine)
        return LayoutVerdict(
            layout, model: model, outcome: outcome, reference: reference.outcome,
            seed: reference.seed, tieDistance: reference.tieDistance,
            seconds: monotonicSeconds() - start)
    }

    private mutating func reference(for shapes: [StepShape]) throws(Problems) -> Reference {
        if let found = references[shapes] { return found }
        let plan = Plan(degrees: Degrees(), buckets: [])
        let programs = try shapes.map { shape throws(Problems) in
            try compile(model: model, plan: plan, shape: shape)
        }
        for seed in firstSeed..<(firstSeed + Self.seedsMax) {
            let rank = LocalRanks(
                model: model, programs: programs, settings: settings(seed: seed),
                timeoutSeconds: timeoutSeconds)
            guard let alone = try rank.runAlone(engine) else { continue }
            let reference = Reference(
                outcome: alone.outcome, seed: seed, tieDistance: alone.tieDistance)
            references[shapes] = reference
            return reference
        }
        throw Problems([.routingTie(seeds: Self.seedsMax)])
    }

    private func settings(seed: Int) -> RunSettings {
        RunSettings(
            seed: seed, steps: stepCount, learningRate: 1e-3, warmupSteps: 2, gradientClip: 0.05)
    }
}

extension Diagnostic {
    /// Each seed came too close to a tie.
    static func routingTie(seeds: Int) -> Diagnostic {
        Diagnostic(
            .routingTie,
            problem: "each of \(seeds) seeds brings a router within \(Tolerance.tieDistance) of a "
                + "tie, where rounding decides",
            expected: "a seed without ties",
            hint: "fewer micro-batches or experts give a step fewer choices")
    }
}
