import ApusAudit
import ApusBase
import ApusPlan

/// The outcome of an audit as `--json` gives it out.
struct AuditRecord: Encodable {
    var problems: [DiagnosticRecord]
    var claims: [ClaimRecord]
    var summary: [String: Int]

    init(_ report: AuditReport) {
        problems = report.problems.map { DiagnosticRecord($0) }
        claims = report.claims.map { ClaimRecord($0) }
        summary = [:]
        for verdict in ClaimVerdict.Verdict.allCases {
            summary[verdict.rawValue] = report.count(of: verdict)
        }
    }
}

struct ClaimRecord: Encodable {
    private let verdict: ClaimVerdict

    init(_ verdict: ClaimVerdict) { self.verdict = verdict }

    private enum Key: String, CodingKey {
        case id, quantity, at, verdict, claimed, computed, low, high, unit, why, source, repair
    }

    func encode(to encoder: any Encoder) throws {
        var record = encoder.container(keyedBy: Key.self)
        try record.encode(verdict.claim.id, forKey: .id)
        try record.encode(verdict.claim.quantity, forKey: .quantity)
        try record.encode(verdict.sequenceLength, forKey: .at)
        try record.encode(verdict.verdict.rawValue, forKey: .verdict)
        try record.encode(ClaimValueRecord(verdict.claim.value), forKey: .claimed)
        try record.encode(verdict.computed.map { ClaimValueRecord($0) }, forKey: .computed)
        try record.encode(verdict.unit, forKey: .unit)
        try record.encode(verdict.why, forKey: .why)
        try record.encode(verdict.source, forKey: .source)
        if let confidence = verdict.confidence {
            try record.encode(confidence.low, forKey: .low)
            try record.encode(confidence.high, forKey: .high)
        }
        if !verdict.repairs.isEmpty {
            try record.encode(verdict.repairs.map { RepairRecord($0) }, forKey: .repair)
        }
    }
}

/// A claim's value: a number, two numbers, a truth or a text.
struct ClaimValueRecord: Encodable {
    private let value: Claim.Value

    init(_ value: Claim.Value) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        switch value {
        case .number(let number): try number.encode(to: encoder)
        case .range(let low, let high): try [low, high].encode(to: encoder)
        case .truth(let truth): try truth.encode(to: encoder)
        case .text(let text): try text.encode(to: encoder)
        }
    }
}

struct RepairRecord: Encodable {
    var change: String
    var value: ClaimValueRecord?
    var ranks: Int?
    var step_time_s: Double?
    var tokens_per_s_per_gpu: Double?
    var memory_peak_bytes: Int?
    var fits: Bool?

    init(_ repair: Repair) {
        change = repair.change
        value = repair.value.map { ClaimValueRecord($0) }
        ranks = repair.price?.ranks
        step_time_s = repair.price?.stepTimeSeconds
        tokens_per_s_per_gpu = repair.price?.tokensPerSecondPerGPU
        memory_peak_bytes = repair.price?.memoryPeakBytes
        fits = repair.fits
    }
}
