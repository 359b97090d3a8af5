package import ApusBase
package import ApusEngine
package import ApusPlan
package import ApusProgram
package import ApusTrace

/// One rank's part of a training run: joins the job, then steps through the data.
package struct TrainingRank: ~Copyable {
    private let deployment: Deployment
    private let corpus: Corpus
    private let sampler: SequenceSampler
    private let batches: BatchPlan
    private let runtime: Runtime
    private let exchange: TraceExchange

    /// Joins the job.
    ///
    /// - Throws: `Problems` about the data or the engine, or about a rank that runs something else.
    package init(
        rank: Rank, deployment: Deployment, program: Program, corpus: consuming Corpus,
        engine: Engine, meeting: Communicators.Meeting
    ) throws(Problems) {
        let sampler = try SequenceSampler(
            tokenCount: corpus.tokenCount, length: deployment.run.sequenceLength,
            seed: UInt64(bitPattern: Int64(deployment.run.seed)))
        let identity = "\(deployment.text())\(program)\(corpus.tokenCount)"
        let setting = RankSetting(
            rank: rank, model: deployment.model, program: program, settings: deployment.run)
        let runtime = try join(setting, identity, engine, meeting)
        let mesh = program.mesh
        batches = BatchPlan(
            shape: program.shape, mesh: mesh,
            dataIndex: mesh.dataIndex(local: mesh.position(of: rank).local))
        self.deployment = deployment
        self.corpus = corpus
        self.sampler = sampler
        self.runtime = runtime
        exchange = TraceExchange(store: meeting.store, prefix: meeting.prefix)
    }

    /// Keeps the trace of the last `stepCount` steps.
    package func traceLast(_ stepCount: Int) {
        runtime.recorder = StepRecorder(
            stepCountMax: stepCount, program: runtime.setting.program)
    }

    /// The trace of all ranks, on rank 0; the others give theirs and get nothing.
    ///
    /// - Throws: `Problems` where the ranks' parts could not be brought together.
    package func collectTrace(of name: String) throws(Problems) -> Trace? {
        let setting = runtime.setting
        guard let recorder = runtime.recorder else { return nil }
        let own = recorder.trace(
            rank: setting.rank, stage: setting.program.programClass(of: setting.rank).stage)
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
    /// - Returns: whether the last step was reached; it is not where some rank was asked to stop.
    /// - Throws: `RuntimeError` with the step and the instruction that failed.
    package func train(
        isStopRequested: @escaping () -> Bool, onStart: (Int) -> Void, onStep: (StepRecord) -> Void
    ) throws(RuntimeError) -> Bool {
        runtime.isStopRequested = isStopRequested
        for step in 0..<deployment.run.steps {
            onStart(step + 1)
            let record = try runtime.step(step) { microBatch in
                batches.batch(step: step, microBatch: microBatch) { position in
                    sampler.window(at: position, of: corpus)
                }
            }
            onStep(record)
            if record.endsRun { return step + 1 == deployment.run.steps }
        }
        return true
    }
}

private func join(
    _ setting: RankSetting, _ identity: String, _ engine: Engine, _ meeting: Communicators.Meeting
) throws(Problems) -> Runtime {
    let problems: [Diagnostic]
    do throws(EngineError) {
        problems = try disagreement(
            on: identity, rank: setting.rank, worldSize: setting.program.mesh.worldSize, meeting)
        if problems.isEmpty { return try Runtime(setting, engine: engine, meeting: meeting) }
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
