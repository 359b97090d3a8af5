import ApusBase
import ApusPlan

/// Whether launch commands start what the plan says.
struct LaunchCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        audit.deployment.claims.flatMap { claim -> [Diagnostic] in
            guard claim.quantity == Quantity.launchCommand.rawValue,
                let review = audit.launchReview(of: claim)
            else { return [] }
            let path = "\(audit.path(of: claim)).value"
            return review.problems.map { problem in
                audit.problem(
                    .launchCommand, path, severity: problem.severity, problem.sentence,
                    details: problem.details, expected: problem.expected, hint: problem.hint)
            }
        }
    }
}

extension Audit {
    func launchReview(of claim: Claim) -> LaunchReview? {
        guard case .text(let text) = claim.value, let plan = deployment.plan else { return nil }
        return LaunchReview(text, plan: plan, cluster: deployment.cluster)
    }

    func launchVerdict(on claim: Claim) -> ClaimVerdict {
        guard let review = launchReview(of: claim) else {
            return open(claim, "the deployment has no usable `plan`")
        }
        let wrong = review.problems.filter { $0.severity == .error }
        let started = review.started.map(\.formula)
        let reasons = wrong.map { problem in
            ([problem.sentence] + problem.details).joined(separator: ": ")
        }
        var verdict = ClaimVerdict(
            claim: claim, verdict: wrong.isEmpty ? .holds : .wrong,
            computed: .text(review.repaired),
            why: wrong.isEmpty
                ? started ?? "its degrees are those of the plan"
                : reasons.joined(separator: "; "),
            source: "the launcher's own flags; the plan's degrees")
        if !wrong.isEmpty {
            let ways = [review.repaired, review.underTorchrun].compactMap(\.self)
            verdict.repairs = ways.map { Repair(change: "`\($0)`") }
        }
        return verdict
    }
}
