import ApusBase
import ApusPlan
import ApusSystem
import ArgumentParser
import Foundation

/// Reads the deployment file at `path`, with the `config.json` it may name beside it.
///
/// With `leavesOutUnsoundPlan` a plan that alone is unsound is left out, and what is wrong with it
/// stands among the notes.
func loadDeployment(_ path: String, leavesOutUnsoundPlan: Bool = false) throws -> DeploymentFile {
    let bytes = try readInput(path)
    return try readDeployment(
        bytes: bytes, file: path, leavesOutUnsoundPlan: leavesOutUnsoundPlan
    ) { beside throws(Problems) in
        try readInput(beside)
    }
}

/// Reads the Hugging Face `config.json` at `path`.
func loadModelFile(_ path: String) throws -> ModelFile {
    let bytes = try readInput(path)
    return try readModelConfig(text: fileText(bytes, file: path), file: path)
}

/// Reads the sections of the file at `path` that describe what is to be planned.
func loadDeploymentParts(_ path: String) throws -> DeploymentParts {
    let bytes = try readInput(path)
    return try readDeploymentParts(bytes: bytes, file: path) { beside throws(Problems) in
        try readInput(beside)
    }
}

/// The bytes of a file that a user names, of which no more are read than Apus takes.
private func readInput(_ path: String) throws(Problems) -> [UInt8] {
    do throws(SystemError) {
        return try readFile(path, limit: FileLimits.size.count)
    } catch {
        throw Problems([error.code == EFBIG ? fileTooLarge(path) : error.diagnostic])
    }
}

/// Refuses the value of a flag that is not within its limits.
func require(_ value: Int?, of flag: String, in range: ClosedRange<Int>) throws {
    guard let value, !range.contains(value) else { return }
    throw ValidationError(
        "`\(flag) \(value)` is not between \(range.lowerBound) and \(range.upperBound)")
}

/// Refuses the value of a flag that is not within its limits, such as `nan`.
func require(
    _ value: Double?, of flag: String, in range: ClosedRange<Double>, unit: String = ""
) throws {
    guard let value, !range.contains(value) else { return }
    let limits = "\(plain(range.lowerBound)) and \(plain(range.upperBound))"
    throw ValidationError("`\(flag) \(plain(value))` is not between \(limits)\(unit)")
}

extension Deployment {
    /// Validates the deployment anew, after flags have changed what its file says.
    func requireSound(at positions: KeyPositions) throws(Problems) {
        let errors = problems(at: positions).filter { $0.severity == .error }
        guard errors.isEmpty else { throw Problems(errors) }
    }

    /// The plan, or the reason why there is none to run.
    func requirePlan(file: String) throws(Problems) -> Plan {
        if let plan { return plan }
        throw Problems([
            Diagnostic(
                .planMissing, location: Diagnostic.Location(file: file), path: "plan",
                problem: "the deployment has no `plan`",
                expected: "a `plan` section with degrees, a schedule and micro-batches",
                hint: "`apus plan \(file) -o planned.yaml` finds one and writes it")
        ])
    }
}

/// The text of a deployment to write, of which reading it back finds no fault.
func checkedText(of deployment: Deployment, file: String) throws(Problems) -> String {
    let text = deployment.text()
    let read = try readDeployment(text: text, file: file) { _ throws(Problems) in [] }
    let problems = read.notes.filter { $0.severity != .note }
    guard problems.isEmpty else { throw Problems(problems) }
    return text
}
