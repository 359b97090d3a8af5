import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@testable import ApusAudit

@Suite("Claims that Apus itself makes")
struct OwnClaimsTests {
    /// What the claims of a deployment must not contradict.
    private static let aboutClaims: Set<DiagnosticCode> = [
        .claimsDisagree, .claimFormula, .activationScale, .bandwidthSource, .unfoldedRanks,
        .unknownValue, .wrongType,
    ]

    /// The deployment with a claim of each computed value, at each length.
    private func withOwnClaims(_ deployment: Deployment) -> Deployment {
        var result = deployment
        result.claims = []
        let quantities = Quantities(of: deployment)
        for length in deployment.workload.sequenceLengths {
            for quantity in Quantity.allCases {
                guard let value = quantities.measure(quantity, at: length).value else { continue }
                result.claims.append(
                    Claim(
                        id: "\(quantity.rawValue)-\(length)", quantity: quantity.rawValue,
                        value: value, sequenceLength: length))
            }
        }
        return result
    }

    private func expectClean(_ deployment: Deployment, _ name: String) {
        let report = Audit(of: withOwnClaims(deployment)).report()
        #expect(!report.claims.isEmpty, "\(name)")
        for claim in report.claims where claim.verdict == .wrong {
            Issue.record("\(name): \(claim.claim) \(claim.why)")
        }
        for problem in report.problems
        where problem.severity == .error && Self.aboutClaims.contains(problem.code) {
            Issue.record("\(name): \(problem)")
        }
    }

    @Test("they hold or are left to a run, whatever the deployment", arguments: 0..<30)
    func audits(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        expectClean(.random(using: &generator), "seed \(seed)")
    }

    @Test("they do on the strategy document's deployment, and only its plan is found wanting")
    func auditsStrategy() throws {
        let deployment = try StrategyFile.read().deployment
        expectClean(deployment, "strategy")
        let report = Audit(of: withOwnClaims(deployment)).report()
        let isClean = report.isClean
        let codes = Set(report.problems.map(\.code))
        #expect(isClean)
        #expect(
            codes == [
                .needlessPipeline, .pipelineFill, .batchDivision, .stageBalance, .capacityDrops,
            ])
    }

    @Test("a value 4 % off holds and one 6 % off is wrong, for every quantity that is computed")
    func keepsTolerance() throws {
        let deployment = try StrategyFile.read().deployment
        let quantities = Quantities(of: deployment)
        let audit = Audit(of: deployment)
        for quantity in Quantity.allCases {
            let measure = quantities.measure(quantity, at: 1024)
            guard !measure.isPredicted, case .number(let value) = measure.value else { continue }
            for (factor, verdict) in [
                (0.96, ClaimVerdict.Verdict.holds), (1.04, .holds), (0.94, .wrong), (1.06, .wrong),
            ] {
                let claim = Claim(
                    id: "c", quantity: quantity.rawValue, value: .number(value * factor),
                    sequenceLength: 1024)
                #expect(audit.verdict(on: claim) == verdict, "\(quantity) × \(factor)")
            }
        }
    }

    @Test("what only a run can tell is never said to hold, and is wrong beyond its bound")
    func boundsPredictions() throws {
        let deployment = try StrategyFile.read().deployment
        let quantities = Quantities(of: deployment)
        let audit = Audit(of: deployment)
        for quantity in Quantity.allCases where quantity.kind == .number {
            let measure = quantities.measure(quantity, at: 1024)
            guard measure.isPredicted else { continue }
            func verdict(_ value: Double) -> ClaimVerdict.Verdict {
                audit.verdict(
                    on: Claim(
                        id: "c", quantity: quantity.rawValue, value: .number(value),
                        sequenceLength: 1024))
            }
            let predicted = try #require(measure.number)
            #expect(verdict(predicted) == .unverifiable, "\(quantity)")
            if let bound = measure.atMost {
                #expect(predicted <= bound.value)
                #expect(verdict(bound.value) == .unverifiable, "\(quantity)")
                #expect(verdict(bound.value * 1.001) == .wrong, "\(quantity)")
            }
            if let bound = measure.atLeast {
                #expect(predicted >= bound.value)
                #expect(verdict(bound.value) == .unverifiable, "\(quantity)")
                #expect(verdict(bound.value * 0.999) == .wrong, "\(quantity)")
            }
        }
        #expect(quantities.measure(.tokensPerMillisecond, at: 1024).atMost != nil)
        #expect(quantities.measure(.gpuUtilization, at: 1024).atMost != nil)
        #expect(quantities.measure(.timeToFirstToken, at: 1024).atLeast != nil)
    }
}

extension Audit {
    fileprivate func verdict(on claim: Claim) -> ClaimVerdict.Verdict {
        var judge = ClaimJudge(self)
        return judge.verdict(on: claim, at: "claims[0]").verdict
    }
}
