import ApusBase
import ApusEngine
import ApusSystem
import ArgumentParser

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Says what is here, what is missing, and how to get it.")

    @OptionGroup var options: SharedOptions

    private struct Report: Encodable {
        var host: String
        var cores: Int
        var memory_bytes: Int
        var memory_available_bytes: Int
        var engine: String?
        var engine_abi: Int?
        var torch: String?
        var cuda_devices: Int?
        var problems: [DiagnosticRecord]
    }

    func run() throws {
        let (report, problems) = examine()
        if options.json {
            try printJSON(report)
        } else {
            let (total, free) = (report.memory_bytes, report.memory_available_bytes)
            printLine(
                "host    \(report.host): \(report.cores) cores, memory \(Bytes(total)), "
                    + "\(Bytes(free)) available")
            if let engine = report.engine, let torch = report.torch {
                let devices = report.cuda_devices ?? 0
                printLine(
                    "engine  \(engine): ABI \(report.engine_abi ?? 0), PyTorch \(torch), "
                        + (devices > 0
                            ? "\(devices) GPUs with NCCL"
                            : "CPU with shared memory on a host and Gloo between hosts"))
            }
            printLine(
                problems.isEmpty
                    ? "ready   to plan, prove and train"
                    : "ready   to plan and prove; training needs what is named below")
            if !problems.isEmpty { printDiagnostics(problems, colored: options.isColored(2)) }
        }
        if !problems.isEmpty { throw ExitCode.no }
    }

    private func examine() -> (Report, [Diagnostic]) {
        let memory = Host.memory
        var report = Report(
            host: Host.name, cores: Host.coreCount, memory_bytes: memory.total.count,
            memory_available_bytes: memory.available.count, problems: [])
        var problems: [Diagnostic] = []
        if let path = Engine.locate(explicit: options.engine, environment: Host.environment()) {
            do throws(EngineError) {
                let engine = try Engine.open(at: path)
                report.engine = path
                report.engine_abi = engine.abiVersion
                report.torch = engine.libraryVersion
                report.cuda_devices = engine.deviceCount
            } catch {
                problems.append(error.diagnostic)
            }
        } else {
            problems.append(.engineMissing)
        }
        report.problems = problems.map { DiagnosticRecord($0) }
        return (report, problems)
    }
}
