import ApusBase
import ApusCost
import ApusPlan
import ApusProgram
import ApusReport
import ApusSimulator
import ApusTrace

/// One program that was run or simulated: its traces, or its log alone, and its deployment.
struct ReportedRun {
    /// What is known of how a run was started.
    struct Setting {
        var file: String
        /// The cluster to predict runs for, as `--cluster` names it.
        var cluster: String?
        /// Whether a log is of a run with `--local`; a trace tells by itself.
        var local: Bool
    }

    private var input: SimulationInput
    private var isLocal: Bool
    private var setting: Setting
    private var shape: StepShape
    private(set) var program: Program
    private var traces: [Trace] = []

    /// Sorts traces by program, in the order in which they were given.
    ///
    /// - Throws: `Problems` where a trace is not of the deployment, however it was run.
    static func sorted(
        _ traces: [(file: String, trace: Trace)], _ setting: Setting
    ) throws -> [ReportedRun] {
        var found: [ReportedRun] = []
        for (path, trace) in traces {
            let known = found.firstIndex {
                $0.traces[0].subject.program == trace.subject.program
            }
            if let known {
                found[known].traces.append(trace)
            } else if let new = try ReportedRun(trace, setting) {
                found.append(new)
            } else {
                throw Problems([mismatch(path, trace, setting.file)])
            }
        }
        return found
    }

    var hasMeasurement: Bool { traces.contains { $0.source == .measurement } }

    /// The run that a trace is of: of the file as it is, or as `--local` changes it; `nil` for
    /// neither.
    private init?(_ trace: Trace, _ setting: Setting) throws {
        guard let shape = StepShape(trace.subject) else { return nil }
        for isLocal in [false, true] {
            let input = try SimulationInput(
                file: setting.file, cluster: setting.cluster, local: isLocal)
            let program = try? compile(
                model: input.deployment.model, plan: input.plan, shape: shape, at: input.positions)
            guard let program,
                Trace.Subject(deployment: "", program: program).program == trace.subject.program
            else { continue }
            self.input = input
            self.isLocal = isLocal
            self.setting = setting
            self.shape = shape
            self.program = program
            traces = [trace]
            return
        }
        return nil
    }

    /// The run that a log without a trace is of.
    ///
    /// - Throws: `Problems` where the deployment has no such step.
    init(_ log: RunReport, file: String, _ setting: Setting) throws {
        input = try SimulationInput(
            file: setting.file, cluster: setting.cluster, local: setting.local)
        isLocal = setting.local
        self.setting = setting
        var run = input.deployment
        let length = run.run.sequenceLength
        if let tokens = log.steps.first?.tokens { run.run.sequencesPerStep = tokens / length }
        let replicas = input.plan.degrees.data
        guard FileSchema.sequences.contains(run.run.sequencesPerStep),
            run.run.sequencesPerStep.isMultiple(of: replicas),
            let shape = StepShape(training: run)
        else {
            throw Problems([
                Diagnostic(
                    .reportInput, location: Diagnostic.Location(file: file, line: 1),
                    problem: "the step is none of \(setting.file)",
                    expected: "whole sequences of \(grouped(length)) tokens for each of "
                        + counted(replicas, "data rank", "data ranks"),
                    hint: "`--local` is for a log of a run with `--local`; otherwise give its trace"
                )
            ])
        }
        self.shape = shape
        program = try compile(
            model: run.model, plan: input.plan, shape: shape, at: input.positions)
    }

    /// The step as the cost model prices it.
    private var step: Step? {
        Step(training: input.deployment, plan: input.plan, shape: shape, on: input.cluster)
    }

    /// The section of the report.
    func report(log: RunReport?) throws -> LengthReport {
        var predicted = traces.first { $0.source == .prediction }
        let measured = traces.first { $0.source == .measurement }
        if predicted == nil, isPriced, let step {
            let simulated = try SimulatedLength(
                step, shape: shape, conditions: Conditions(), deployment: setting.file,
                tracing: .kept, at: input.positions)
            predicted = simulated.result.trace
        }
        var length = try LengthReport(
            program: program, predicted: predicted, measured: measured,
            memoryLimit: isPriced ? Int(input.cluster.gpu.memoryGB * 1e9) : nil)
        if let log, measured == nil { length.measured = StepFigures(of: log) }
        guard length.measured != nil else { return length }
        length.subject = "this run"
        if isLocal {
            length.notes.append(
                "A run with `--local`: sequences of \(grouped(shape.sequenceLength)) tokens in "
                    + "\(shape.precision.rawValue), on this machine instead of the cluster.")
        }
        if predicted == nil {
            length.notes.append(
                "The run was not predicted: its machine is not the deployment's cluster. "
                    + "`--cluster` names a file of that machine.")
        }
        return length
    }

    /// Whether the cluster is the one that the run was on.
    private var isPriced: Bool {
        !isLocal || setting.cluster != nil || input.cluster.cores != nil
    }

    private static func mismatch(_ path: String, _ trace: Trace, _ file: String) -> Diagnostic {
        let subject = trace.subject
        return Diagnostic(
            .traceMismatch, location: Diagnostic.Location(file: path),
            problem: "the \(trace.source.rawValue) of `\(excerpt(subject.deployment))` is of "
                + "another program",
            details: [
                "trace: \(excerpt(subject.layout)), \(subject.microBatches) micro-batches of "
                    + "\(subject.sequencesPerMicroBatch) × \(subject.sequenceLength) tokens, "
                    + excerpt(subject.precision)
            ], expected: "a trace of a program of \(file)",
            hint: "give the deployment that was run")
    }
}

extension StepShape {
    /// The shape that a trace tells, unless a deployment cannot have it.
    fileprivate init?(_ subject: Trace.Subject) {
        let (sequences, overflow) = subject.sequencesPerMicroBatch.multipliedReportingOverflow(
            by: subject.microBatches)
        guard !overflow, FileSchema.sequences.contains(sequences),
            FileSchema.sequenceLength.contains(subject.sequenceLength),
            let recompute = Plan.Recompute(rawValue: subject.recompute),
            let precision = Precision(rawValue: subject.precision)
        else { return nil }
        self.init(
            sequenceLength: subject.sequenceLength,
            sequencesPerMicroBatch: subject.sequencesPerMicroBatch,
            microBatches: subject.microBatches, tensorParallel: subject.tensorParallel,
            recompute: recompute, precision: precision)
    }
}
