import ApusBase
import ApusPlan

extension Audit {
    /// What is wrong beyond the claims: one check per file under `Checks/`.
    var findings: [Diagnostic] {
        []
    }

    func launchVerdict(on claim: Claim) -> ClaimVerdict {
        open(claim, "not parsed yet")
    }
}
