package import ApusBase
package import ApusEngine
package import ApusPlan
package import ApusProgram
package import ApusTrace

/// One rank's part of a training run: joins the job, then steps through the data.
package struct TrainingRank: ~Copyable {
    private let deployment: Deployment
    private let corpus: Corpus
    /// One for each of the run's lengths.
    private var lengths: [TrainedLength]
    private let meeting: Communicators.Meeting
    private let exchange: TraceExchange
    private var tracedSteps: Int?

    /// Joins the job, with a program for each length that the run trains with.
    ///
    /// - Throws: `Problems` about the data or the engine, or about a rank that runs something else.
    package init(
        rank: Rank, deployment: Deployment, programs: [Program], corpus: consuming Corpus,
        engine: Engine, meeting: Communicators.Meeting
    ) throws(Problems) {
        precondition(!programs.isEmpty, "a run has a length")
        let seed = UInt64(bitPattern: Int64(deployment.run.seed))
        let samplers = try programs.map { program throws(Problems) in
            try SequenceSampler(
                tokenCount: corpus.tokenCount, length: program.shape.sequenceLength, seed: seed)
        }
        let texts = programs.map { "\($0)" }.joined()
        let identity = "\(deployment.text())\(texts)\(corpus.tokenCount)"
        let setting = RankSetting(
            rank: rank, model: deployment.model, program: programs[0], settings: deployment.run)
        let runtimes = try join(setting, programs, identity, engine, meeting)
        lengths = zip(runtimes, samplers).map(TrainedLength.init)
        self.deployment = deployment
        self.corpus = corpus
        self.meeting = meeting
        exchange = TraceExchange(store: meeting.store, prefix: meeting.prefix)
    }

    /// Makes this rank compute `factor` times as long, by idling, as a slow machine would.
    package func slowDown(by factor: Double) {
        for length in lengths { length.runtime.computation.slowness = factor }
    }

    /// Keeps the trace of the last `stepCount` steps.
    package mutating func traceLast(_ stepCount: Int) {
        tracedSteps = stepCount
        for length in lengths { length.runtime.traceLast(stepCount) }
    }

    /// The trace of all ranks, on rank 0; the others give theirs and get nothing.
    ///
    /// - Throws: `Problems` where the ranks' parts could not be brought together.
    package func collectTrace(of name: String) throws(Problems) -> Trace? {
        let setting = lengths[0].runtime.setting
        guard let own = lengths[0].runtime.trace else { return nil }
        guard setting.rank.index > 0 else {
            let empty = Trace(
                source: .measurement, subject: .init(deployment: name, program: setting.program),
                queues: setting.program.queueNames, ranks: [])
            return try exchange.take(into: own, of: empty)
        }
        do throws(EngineError) {
            try exchange.give(own)
        } catch {
            throw Problems([error.diagnostic])
        }
        return nil
    }

    /// Trains from the first step to the last.
    ///
    /// - Parameters:
    ///   - isStopRequested: whether to stop after the step that runs; all ranks then do.
    ///   - onStart: called before each step with its number, from 1.
    ///   - onStep: called after each step.
    ///   - nextProgram: asked after each step but the last for another split of layers to go on
    ///     with; every rank has to give the same answer.
    /// - Returns: whether the last step was reached; it is not where some rank was asked to stop.
    /// - Throws: `RuntimeError` with the step and the instruction that failed.
    package mutating func train(
        isStopRequested: @escaping () -> Bool, onStart: (Int) -> Void, onStep: (StepRecord) -> Void,
        nextProgram: (StepRecord) throws(Problems) -> Program? = { _ in nil }
    ) throws(RuntimeError) -> Bool {
        var turns = deployment.run.turns
        for step in 0..<deployment.run.steps {
            guard let turn = turns.next() else { preconditionFailure("turns do not end") }
            onStart(step + 1)
            let length = lengths[turn.index]
            length.runtime.isStopRequested = isStopRequested
            let record = try length.runtime.step(step) { microBatch in
                length.batches.batch(step: turn.ordinal, microBatch: microBatch) { position in
                    length.sampler.window(at: position, of: corpus)
                }
            }
            onStep(record)
            if record.endsRun { return step + 1 == deployment.run.steps }
            if step + 1 < deployment.run.steps { try change(after: record, nextProgram) }
        }
        return true
    }

    /// Goes on with another split of layers where one is given.
    private mutating func change(
        after record: StepRecord, _ nextProgram: (StepRecord) throws(Problems) -> Program?
    ) throws(RuntimeError) {
        func failure(_ cause: RuntimeError.Cause, isCommunication: Bool) -> RuntimeError {
            RuntimeError(
                rank: lengths[0].runtime.setting.rank, step: record.step, instruction: nil,
                cause: cause, isCommunication: isCommunication)
        }
        let program: Program?
        do throws(Problems) {
            program = try nextProgram(record)
        } catch {
            let texts = error.diagnostics.map(\.problem)
            throw failure(.check(texts.joined(separator: "; ")), isCommunication: false)
        }
        guard let program else { return }
        precondition(lengths.count == 1, "layers move only where a run has one length")
        do throws(EngineError) {
            lengths[0].runtime = try lengths[0].runtime.moved(
                to: program, meeting: meeting.under("after-\(record.step)"))
        } catch {
            throw failure(.engine(error), isCommunication: true)
        }
        if let tracedSteps { traceLast(tracedSteps) }
    }
}

/// One sequence length of a run: its program over the shared weights, and its data.
private struct TrainedLength {
    var runtime: Runtime
    let batches: BatchPlan
    let sampler: SequenceSampler

    init(_ runtime: Runtime, _ sampler: SequenceSampler) {
        self.runtime = runtime
        self.sampler = sampler
        batches = BatchPlan(runtime.setting.program, rank: runtime.setting.rank)
    }
}

/// Meets the other ranks; one runtime for each program, all over the same weights.
private func join(
    _ setting: RankSetting, _ programs: [Program], _ identity: String, _ engine: Engine,
    _ meeting: Communicators.Meeting
) throws(Problems) -> [Runtime] {
    let problems: [Diagnostic]
    do throws(EngineError) {
        problems = try disagreement(
            on: identity, rank: setting.rank, worldSize: setting.program.mesh.worldSize, meeting)
        if problems.isEmpty {
            let first = try Runtime(setting, engine: engine, meeting: meeting)
            var runtimes = [first]
            for program in programs.dropFirst() {
                runtimes.append(try first.beside(program, meeting: meeting))
            }
            return runtimes
        }
    } catch {
        throw Problems([error.diagnostic])
    }
    throw Problems(problems)
}

/// Whether a rank runs something else than rank 0: it would corrupt the others' numbers without an
/// error.
///
/// Every rank learns it, so that none waits for one that was refused.
private func disagreement(
    on identity: String, rank: Rank, worldSize: Int, _ meeting: Communicators.Meeting
) throws(EngineError) -> [Diagnostic] {
    let (store, place) = (meeting.store, "\(meeting.prefix)/identity")
    let own = String(fingerprint(identity), radix: 16)
    if rank.index == 0 {
        var verdict = [own]
        for other in 1..<max(1, worldSize) where try store.get("\(place)/\(other)") != own {
            verdict.append("\(other)")
        }
        try store.set("\(place)/verdict", verdict.joined(separator: " "))
    } else {
        try store.set("\(place)/\(rank)", own)
    }
    let verdict = try store.get("\(place)/verdict").split(separator: " ")
    guard let expected = verdict.first, verdict.count > 1 else { return [] }
    if rank.index == 0 {
        // The store may end with this process, so everybody reads the verdict first.
        for other in 1..<worldSize { _ = try store.get("\(place)/\(other)/read") }
    } else {
        try store.set("\(place)/\(rank)/read", "yes")
    }
    let ranks = verdict.dropFirst().joined(separator: ", ")
    let subject = verdict.count > 2 ? "ranks \(ranks) were" : "rank \(ranks) was"
    return [
        Diagnostic(
            .rankMismatch,
            problem: "\(subject) given another deployment, data or settings than rank 0",
            details: own == expected ? [] : ["fingerprint \(own), rank 0 has \(expected)"],
            expected: "the same command, file and data on every host",
            hint: "compare the files and flags of that rank's host with those of rank 0")
    ]
}
