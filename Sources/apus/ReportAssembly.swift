import ApusBase
import ApusPlan
import ApusReport
import ApusSystem

/// Puts a report together from the files that it is made of.
struct ReportAssembly {
    private var deployment: (file: String, read: DeploymentFile)?
    private var log: (file: String, log: RunLog)?
    private var audit: (file: String, audit: AuditSummary)?
    private var search: (file: String, search: SearchSummary)?
    private var kinds: [ReportInput: String] = [:]
    /// What the user should know of the files.
    private(set) var notes: [Diagnostic] = []

    private static let fileSizeMax = 1 << 29

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
        case .trace: break
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
        data.run = log?.log.run
        data.experts = log?.log.experts
        data.audit = audit?.audit
        data.search = search?.search
        data.provenance = provenance
        return data
    }

    /// The name of the first file that has one of its own.
    private var title: String {
        let file = deployment?.file ?? log?.file ?? audit?.file ?? search?.file ?? "report"
        let name = file.split(separator: "/").last.map(String.init) ?? file
        return name.split(separator: ".").first.map(String.init) ?? name
    }

    private var provenance: [String] {
        [
            deployment.map { "deployment \($0.file)" },
            log.map { "run log \($0.file), \(counted($0.log.run.steps.count, "step", "steps"))" },
            audit.map { "audit \($0.file)" }, search.map { "search \($0.file)" },
        ].compactMap(\.self)
    }
}
