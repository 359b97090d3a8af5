import ApusBase
import ApusPlan
import ApusProgram

/// Compiles and proves the program of each length that a deployment trains with, which has to be
/// one that can be trained (`unsupportedForTraining`).
///
/// - Throws: `Problems` of every length together.
func lengthPrograms(
    of deployment: Deployment, plan: Plan, at positions: KeyPositions
) throws(Problems) -> [Program] {
    var programs: [Program] = []
    var problems: [Diagnostic] = []
    for length in deployment.run.lengths {
        guard let shape = StepShape(training: deployment, length: length) else {
            preconditionFailure("a deployment that can be trained has a bucket for each length")
        }
        do throws(Problems) {
            let program = try compile(
                model: deployment.model, plan: plan, shape: shape, at: positions)
            problems += program.verify(for: deployment.model)
            programs.append(program)
        } catch {
            problems += error.diagnostics.filter { !problems.contains($0) }
        }
    }
    guard problems.isEmpty else { throw Problems(problems) }
    return programs
}
