import ApusBase
import ApusCost
import ApusPlan

/// Whether an expert degree that the claims or the launch command give fits a stage.
///
/// Experts lie on the ranks of a stage, so an expert degree multiplies the world size only in a
/// layout that does not fold them (Liu et al. 2025, MoE Parallel Folding, §3.2).
struct ExpertFoldingCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        guard let plan = audit.deployment.plan, let claimed = claimedDegree(audit) else {
            return []
        }
        let degrees = plan.degrees
        let expert = boundedProduct([claimed.degree, degrees.expertTensor])
        guard degrees.stageSize % expert != 0 else { return [] }
        let unfolded = boundedProduct([degrees.worldSize, expert])
        let axes = [
            ("pp", degrees.pipeline), ("dp", degrees.data), ("cp", degrees.context),
            ("tp", degrees.tensor), ("ep", claimed.degree),
        ]
        let names = axes.filter { $0.1 > 1 }.map { "\($0.0)\($0.1)" }.joined(separator: "·")
        let product = axes.filter { $0.1 > 1 }.map { "\($0.1)" }.joined(separator: " × ")
        let ways = ExpertDegreeRepair.options(for: audit.deployment, degree: claimed.degree)
        return [
            audit.problem(
                .unfoldedRanks, claimed.path,
                "an unfolded \(names) needs \(grouped(unfolded)) ranks, the plan has "
                    + "\(grouped(degrees.worldSize)); folded, expert degree \(claimed.degree) "
                    + "needs a stage of \(claimed.degree) ranks, not \(degrees.stageSize)",
                details: ["\(product) = \(grouped(unfolded))"] + ways.map(\.words),
                expected: "an expert degree that divides the \(degrees.stageSize) ranks of a stage")
        ]
    }

    private func claimedDegree(_ audit: Audit) -> (degree: Int, path: String)? {
        if let claim = audit.figures.claim(.expertDegree),
            let number = audit.figures.number(.expertDegree), let degree = Int(exactly: number),
            FileSchema.ranks.contains(degree)
        {
            return (degree, audit.path(of: claim))
        }
        guard let claim = audit.figures.claim(.launchCommand), case .text(let text) = claim.value,
            let count = LaunchCommand(text).degree(.expert), FileSchema.ranks.contains(count.value)
        else { return nil }
        return (count.value, audit.path(of: claim))
    }
}
