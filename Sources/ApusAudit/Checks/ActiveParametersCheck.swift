import ApusBase
import ApusPlan

/// Whether claimed FLOPs follow from claimed parameters: two for each weight that a token passes.
///
/// Source: Kaplan et al. 2020, §2.1, with the active parameters of a sparse model.
struct ActiveParametersCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] { experts(audit) + attention(audit) }

    private func experts(_ audit: Audit) -> [Diagnostic] {
        let model = audit.deployment.model
        guard model.hasExperts, model.topK < model.expertCount,
            let claim = audit.figures.claim(.expertFLOPs),
            let flops = audit.figures.number(.expertFLOPs),
            let parameters = audit.figures.number(.expertParameters)
        else { return [] }
        let active = 2 * parameters * Double(model.topK) / Double(model.expertCount)
        guard (flops - active).magnitude > Audit.tolerance * active else { return [] }
        let isAll = isNear(flops, 2 * parameters, within: Audit.tolerance)
        return [
            audit.problem(
                .claimsDisagree, audit.path(of: claim),
                "\(count(flops)) FLOPs of a token do not follow from \(count(parameters)) "
                    + "parameters of experts"
                    + (isAll ? ": they count all \(model.expertCount) experts" : ""),
                details: [
                    "2 × \(count(parameters)) × \(model.topK) of \(model.expertCount) experts = "
                        + "\(count(active))"
                ],
                expected: count(active))
        ]
    }

    private func attention(_ audit: Audit) -> [Diagnostic] {
        guard let claim = audit.figures.claim(.attentionFLOPs),
            let flops = audit.figures.number(.attentionFLOPs),
            let parameters = audit.figures.number(.attentionParameters),
            flops < 2 * parameters * (1 - Audit.tolerance)
        else { return [] }
        return [
            audit.problem(
                .claimsDisagree, audit.path(of: claim),
                "\(count(flops)) FLOPs of a token are fewer than two for each of the "
                    + "\(count(parameters)) attention parameters",
                details: [
                    "2 × \(count(parameters)) = \(count(2 * parameters)), scores not counted"
                ],
                expected: "at least \(count(2 * parameters))")
        ]
    }
}
