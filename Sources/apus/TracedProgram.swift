import ApusBase
import ApusPlan
import ApusProgram
import ApusReport
import ApusSimulator
import ApusTrace

/// The traces of one program, and the deployment whose program it is.
struct TracedProgram {
    /// As the file has it, or as `--local` changes it.
    var deployment: Deployment
    var isLocal: Bool
    var program: Program
    var traces: [Trace]

    private var predicted: Trace? { traces.first { $0.source == .prediction } }
    private var measured: Trace? { traces.first { $0.source == .measurement } }

    /// Sorts traces by program, in the order in which they were given.
    ///
    /// - Throws: `Problems` where a trace is not of the deployment, however it was run.
    static func sorted(
        _ traces: [(file: String, trace: Trace)], of deployment: Deployment, file: String
    ) throws(Problems) -> [TracedProgram] {
        var found: [TracedProgram] = []
        for (path, trace) in traces {
            let known = found.firstIndex {
                $0.traces[0].subject.program == trace.subject.program
            }
            if let known {
                found[known].traces.append(trace)
            } else if let new = TracedProgram(trace, of: deployment) {
                found.append(new)
            } else {
                throw Problems([mismatch(path, trace, file)])
            }
        }
        return found
    }

    /// Compiles the deployment as the trace says it was run; `nil` where that is another program.
    private init?(_ trace: Trace, of deployment: Deployment) {
        let subject = trace.subject
        guard let recompute = Plan.Recompute(rawValue: subject.recompute),
            let precision = Precision(rawValue: subject.precision)
        else { return nil }
        let shape = StepShape(
            sequenceLength: subject.sequenceLength,
            sequencesPerMicroBatch: subject.sequencesPerMicroBatch,
            microBatches: subject.microBatches, tensorParallel: subject.tensorParallel,
            recompute: recompute, precision: precision)
        for (isLocal, candidate) in [(false, deployment), (true, deployment.local().deployment)] {
            guard let plan = candidate.plan,
                let program = try? compile(model: candidate.model, plan: plan, shape: shape),
                Trace.Subject(deployment: "", program: program).program == subject.program
            else { continue }
            self.deployment = candidate
            self.isLocal = isLocal
            self.program = program
            traces = [trace]
            return
        }
        return nil
    }

    /// The section of the report.
    func report() throws(Problems) -> LengthReport {
        var memory: Int?
        if !isLocal, let cluster = deployment.cluster {
            memory = Int(cluster.gpu.memoryGB * 1e9)
        }
        var length = try LengthReport(
            program: program, predicted: predicted, measured: measured, memoryLimit: memory)
        length.subject = measured == nil ? nil : "this run"
        if measured != nil, predicted == nil {
            length.notes.append(
                "No predicted trace of this run was given; `apus simulate` writes one.")
        }
        if isLocal {
            length.notes.append(
                "Run with --local: \(deployment.run.sequenceLength) tokens a sequence in "
                    + "\(deployment.run.precision.rawValue), on this machine instead of the "
                    + "cluster.")
        }
        return length
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
