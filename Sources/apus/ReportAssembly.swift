import ApusBase
import ApusPlan
import ApusReport
import ApusSimulator
import ApusSystem
import ApusTrace
import ArgumentParser

/// Puts a report together from the files that it is made of.
struct ReportAssembly {
    /// What `--cluster` and `--local` say of a run.
    private let cluster: String?
    private let local: Bool
    private var deployment: (file: String, read: DeploymentFile)?
    private var log: (file: String, log: RunLog)?
    private var audit: (file: String, audit: AuditSummary)?
    private var search: (file: String, search: SearchSummary)?
    private var traces: [(file: String, trace: Trace)] = []
    private var kinds: [ReportInput: String] = [:]
    /// What the user should know of the files.
    private(set) var notes: [Diagnostic] = []

    private static let fileSizeMax = TraceLimits.fileSize.count

    init(cluster: String?, local: Bool) {
        self.cluster = cluster
        self.local = local
    }

    /// Reads one more file.
    mutating func add(_ file: String) throws {
        let bytes = try readFile(file, limit: Self.fileSizeMax)
        let kind = try ReportInput(recognising: bytes, file: file)
        if kind != .trace, let other = kinds.updateValue(file, forKey: kind) {
            throw ValidationError("`\(other)` and `\(file)` are both a \(kind.rawValue)")
        }
        switch kind {
        case .deployment:
            let read = try loadDeployment(file, leavesOutUnsoundPlan: true)
            notes += read.notes
            deployment = (file, read)
        case .trace: traces.append((file, try Trace(bytes: bytes, file: file)))
        case .runLog: log = (file, try RunLog(bytes: bytes, file: file))
        case .audit: audit = (file, try AuditSummary(json: bytes, file: file))
        case .search: search = (file, try SearchSummary(json: bytes, file: file))
        }
    }

    /// The report of all files.
    mutating func report() throws -> ReportData {
        let facts = deployment.map { DeploymentFacts(deployment: $0.read.deployment) }
        var data = ReportData(title: title, summary: facts?.summary ?? "")
        data.facts = facts?.groups ?? []
        data.lengths = try lengths()
        data.run = log?.log.run
        data.experts = log?.log.experts
        data.audit = audit?.audit
        data.search = search?.search
        data.provenance = provenance
        return data
    }

    /// The name of the first file that has one of its own.
    private var title: String {
        fileTitle(deployment?.file ?? log?.file ?? audit?.file ?? search?.file ?? "report")
    }

    private var provenance: [String] {
        [
            deployment.map { "deployment \($0.file)" },
            log.map { "run log \($0.file), \(counted($0.log.run.steps.count, "step", "steps"))" },
            audit.map { "audit \($0.file)" }, search.map { "search \($0.file)" },
        ].compactMap(\.self)
            + traces.map { file, trace in
                let steps = counted(trace.steps.count, "step", "steps")
                return "\(trace.source.rawValue) \(file), \(steps)"
            }
    }

    /// What was traced, and then the workload's lengths as they are predicted.
    private mutating func lengths() throws -> [LengthReport] {
        guard let deployment else {
            guard let first = traces.first else { return [] }
            throw ValidationError("`\(first.file)` is a trace; give its deployment too")
        }
        let setting = ReportedRun.Setting(file: deployment.file, cluster: cluster, local: local)
        var runs = try ReportedRun.sorted(traces, setting)
        if let (file, log) = log, !log.run.steps.isEmpty,
            !runs.contains(where: \.hasMeasurement)
        {
            runs.append(try ReportedRun(log.run, file: file, setting))
        }
        let known = Set(runs.map(\.program))
        return try runs.map { try $0.report(log: log?.log.run) }
            + simulated(deployment.file).filter { !known.contains($0.program) }.map {
                try LengthReport($0)
            }
    }

    /// The lengths of the workload, as far as they can be simulated.
    private mutating func simulated(_ file: String) throws -> [SimulatedLength] {
        do {
            let input = try SimulationInput(file: file)
            return try input.steps(length: nil).map { step throws(Problems) in
                try SimulatedLength(
                    step, conditions: Conditions(), deployment: file, tracing: .kept,
                    at: input.positions)
            }
        } catch let error as Problems {
            // The report shows what there is, and the command says what there is not.
            notes += error.diagnostics.map { diagnostic in
                var note = diagnostic
                note.severity = .warning
                return note
            }
            return []
        }
    }
}
