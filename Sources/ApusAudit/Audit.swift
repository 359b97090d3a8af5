package import ApusBase
package import ApusPlan

/// Holds a deployment to account: each of its claims, and what is wrong with it besides.
package struct Audit: Sendable {
    /// The share by which a claim that holds may differ from the computed value.
    static let tolerance = 0.05

    let deployment: Deployment
    let positions: KeyPositions
    let quantities: Quantities
    let figures: OwnFigures

    /// Audits a deployment whose keys stand at `positions` and whose file said `problems`.
    ///
    /// The deployment is sound; where its file's plan was not, it has none, and claims about the
    /// plan are left open.
    package init(
        of deployment: Deployment, at positions: KeyPositions = KeyPositions(),
        knowing problems: [Diagnostic] = []
    ) {
        self.deployment = deployment
        self.positions = positions
        quantities = Quantities(of: deployment)
        figures = OwnFigures(deployment)
        known = problems
    }

    private let known: [Diagnostic]

    package func report() -> AuditReport {
        var judge = ClaimJudge(self)
        var claims: [ClaimVerdict] = []
        for (index, claim) in deployment.claims.enumerated() {
            claims.append(judge.verdict(on: claim, at: "claims[\(index)]"))
        }
        var problems = known + judge.problems
        if deployment.plan == nil, !problems.contains(where: { $0.severity == .error }) {
            problems.append(
                problem(
                    .planMissing, "plan", severity: .note,
                    "the deployment has no `plan`: nothing is said about one",
                    hint: "`apus plan` finds one"))
        }
        problems += checks.flatMap { $0.findings(in: self) }
        let file = positions.location(of: "")?.file
        return AuditReport(problems: problems.sortedByPosition(first: file), claims: claims)
    }

    func problem(
        _ code: DiagnosticCode, _ path: String, severity: Diagnostic.Severity = .error,
        _ problem: String, details: [String] = [], expected: String? = nil, hint: String? = nil
    ) -> Diagnostic {
        Diagnostic(
            code, severity: severity, location: positions.location(of: path), path: path,
            problem: problem, details: details, expected: expected, hint: hint)
    }

    /// A claim that cannot be judged.
    func open(_ claim: Claim, _ reason: String, unit: String? = nil) -> ClaimVerdict {
        ClaimVerdict(
            claim: claim, verdict: .unverifiable, sequenceLength: claim.sequenceLength,
            computed: nil, unit: unit, why: reason, source: definition)
    }

    /// The key path of a claim, for messages about it.
    func path(of claim: Claim) -> String {
        let index = deployment.claims.firstIndex(of: claim) ?? 0
        return "claims[\(index)]"
    }
}

/// The outcome of an audit.
package struct AuditReport: Hashable, Sendable {
    /// What is wrong with the deployment beyond its claims, by position.
    package var problems: [Diagnostic]
    /// One verdict for each claim, in the file's order.
    package var claims: [ClaimVerdict]

    /// Whether no claim is wrong and no problem an error.
    package var isClean: Bool {
        claims.allSatisfy { $0.verdict != .wrong }
            && problems.allSatisfy { $0.severity != .error }
    }

    package func count(of verdict: ClaimVerdict.Verdict) -> Int {
        claims.count { $0.verdict == verdict }
    }
}
