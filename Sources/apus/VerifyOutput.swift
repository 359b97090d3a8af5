import ApusPlan
import ApusVerify
import Foundation

/// What `apus verify` tells: a line for each layout when it is done, then the groups of weights.
struct VerifyOutput {
    let options: SharedOptions

    func banner(file: String, _ replacements: [String], count: Int) {
        guard !options.quiet else { return }
        say("scaled down of \(file), or replaced:")
        for line in replacements { say("  \(line)") }
        say("")
        let limits = [("whole heads", Tolerance.whole), ("heads in slices", .sliced)]
        for (name, limit) in limits {
            say(
                "limits of \(name): loss \(short(limit.loss)), gradients "
                    + "\(short(limit.gradients)), norm \(short(limit.norm)), weights "
                    + "\(short(limit.parameters))")
        }
        say("\(counted(count, "layout", "layouts")) against one rank, relative distances:\n")
    }

    func add(_ verdict: LayoutVerdict, of count: Int) {
        let width = count > 20 ? 52 : 14
        let name = verdict.name + String(repeating: " ", count: max(0, width - verdict.name.count))
        let batches = verdict.plan.buckets.map { bucket in
            "tp \(bucket.tensorParallel) m \(bucket.microBatches)"
        }
        let what = verdict.plan.buckets.count == 1 ? batches[0] : "all buckets"
        let isBitwise = verdict.isBitwise ? ", to the bit" : ""
        let line =
            "\(verdict.passes ? "pass" : "FAIL")  \(name)  \(padded(what, 11))  "
            + "loss \(short(verdict.loss))  gradients \(short(verdict.gradients))  "
            + "norm \(short(verdict.norm))  weights \(short(verdict.parameters))\(isBitwise)  "
            + "(seed \(verdict.seed), \(fixed(verdict.seconds)) s)"
        if let mismatch = verdict.mismatch {
            return print("\(line)\n      \(mismatch)", isAnswer: true)
        }
        if !options.quiet { say(line) }
    }

    func summary(_ verdicts: [LayoutVerdict]) throws {
        if options.json { return try printJSON(VerifyRecord(verdicts)) }
        if verdicts.count <= 20, !options.quiet {
            var table = PlanTable(
                ["greatest distance of"] + verdicts.flatMap { [$0.name, ""] })
            table.add([""] + verdicts.flatMap { _ in ["gradient", "weight"] })
            for (index, group) in (verdicts.first?.groups ?? []).enumerated() {
                table.add(
                    [group.kind.rawValue]
                        + verdicts.flatMap { verdict in
                            let own = verdict.groups[index]
                            return [short(own.gradients), short(own.parameters)]
                        })
            }
            printLine("")
            for line in table.lines(leading: [0]) { printLine(line) }
        }
        let failed = verdicts.filter { !$0.passes }.count
        let seconds = verdicts.map(\.seconds).reduce(0, +)
        printLine(
            failed == 0
                ? "\nall \(verdicts.count) pass, in \(duration(seconds))"
                : "\n\(failed) of \(verdicts.count) fail, in \(duration(seconds))")
    }

    private func say(_ line: String) { print(line, isAnswer: false) }

    /// With `--json` stdout belongs to the one document.
    private func print(_ line: String, isAnswer: Bool) {
        if options.json { return isAnswer || !options.quiet ? printMessage(line) : () }
        printLine(line)
    }

    private func short(_ value: Double) -> String { String(format: "%.1e", value) }
    private func fixed(_ value: Double) -> String { String(format: "%.1f", value) }
}

/// The answer of `apus verify --json`.
struct VerifyRecord: Encodable {
    struct LayoutRecord: Encodable {
        var name: String
        var plan: PlanKeysRecord
        var loss_rel: Double
        var gradients_rel: Double
        var gradient_norm_rel: Double
        var parameters_rel: Double
        var groups: [GroupRecord]
        var bitwise: Bool
        var pass: Bool
        var mismatch: String?
        var seed: Int
        var tie_distance: Double?
        var time_seconds: Double
    }

    struct GroupRecord: Encodable {
        var kind: String
        var gradients_rel: Double
        var parameters_rel: Double
    }

    var layouts: [LayoutRecord]

    init(_ verdicts: [LayoutVerdict]) {
        layouts = verdicts.map { verdict in
            LayoutRecord(
                name: verdict.name, plan: PlanKeysRecord(verdict.plan),
                loss_rel: bounded(verdict.loss), gradients_rel: bounded(verdict.gradients),
                gradient_norm_rel: bounded(verdict.norm),
                parameters_rel: bounded(verdict.parameters),
                groups: verdict.groups.map {
                    GroupRecord(
                        kind: $0.kind.rawValue, gradients_rel: bounded($0.gradients),
                        parameters_rel: bounded($0.parameters))
                },
                bitwise: verdict.isBitwise, pass: verdict.passes, mismatch: verdict.mismatch,
                seed: verdict.seed,
                tie_distance: verdict.tieDistance.isFinite ? verdict.tieDistance : nil,
                time_seconds: verdict.seconds)
        }
    }
}

/// A distance as JSON can say it, which knows no infinity.
private func bounded(_ distance: Double) -> Double {
    distance.isFinite ? distance : Double.greatestFiniteMagnitude
}
