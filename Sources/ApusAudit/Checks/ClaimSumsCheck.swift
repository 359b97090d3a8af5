import ApusBase
import ApusPlan

/// Whether claimed parts add up to no more than the claimed whole.
struct ClaimSumsCheck: Check {
    private static let sums: [(whole: Quantity, parts: [Quantity])] = [
        (
            .parameters,
            [
                .attentionParameters, .expertParameters, .routerParameters, .embeddingParameters,
                .normParameters,
            ]
        ),
        (.parameters, [.activeParameters]),
        (.flopsPerToken, [.attentionFLOPs, .expertFLOPs, .headFLOPs]),
        (
            .totalMemory,
            [.parameterMemory, .gradientMemory, .optimizerMemory, .activationMemory]
        ),
    ]

    func findings(in audit: Audit) -> [Diagnostic] {
        Self.sums.flatMap { sum in
            audit.deployment.claims.filter { $0.quantity == sum.whole.rawValue }
                .compactMap { finding(in: audit, whole: $0, sum.whole, parts: sum.parts) }
        }
    }

    private func finding(
        in audit: Audit, whole claim: Claim, _ whole: Quantity, parts: [Quantity]
    ) -> Diagnostic? {
        guard case .number(let claimed) = claim.value else { return nil }
        let numbers = parts.compactMap { part in
            audit.figures.number(part, at: claim.sequenceLength).map { (part, $0) }
        }
        let sum = numbers.map(\.1).reduce(0, +)
        guard !numbers.isEmpty, sum > claimed * 1.005 else { return nil }
        let terms = numbers.map { "`\($0.0.rawValue)` \(count($0.1))" }.joined(separator: " + ")
        return audit.problem(
            .claimsDisagree, audit.path(of: claim),
            "the claimed parts of `\(whole.rawValue)` add up to \(count(sum)), more than the "
                + "\(count(claimed)) claimed",
            details: [numbers.count > 1 ? "\(terms) = \(count(sum))" : terms])
    }
}
