import ApusBase
import ApusPlan
import ApusProgram
import ArgumentParser

struct ProgramCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "program",
        abstract: "Prints or proves the per-rank programs of a plan.",
        usage: "apus program <file> [options]",
        discussion: """
            The ranks of a pipeline stage share one program. Without `--length`, every sequence \
            length of the workload is compiled with its bucket of the plan.

            Examples:
              apus program Plans/strategy-16gpu.yaml --check
              apus program Plans/strategy-16gpu.yaml --length 128 --rank 5
              apus program before.yaml --diff after.yaml --length 128
            """)

    @Argument(help: "The deployment file.")
    var file: String

    @Flag(help: "Prove the programs instead of printing them.")
    var check = false

    @Flag(help: "Compile what `apus train --local` runs.")
    var local = false

    @Option(help: ArgumentHelp("Only this sequence length.", valueName: "tokens"))
    var length: Int?

    @Option(
        help: ArgumentHelp("Only the programs of these ranks, such as `0,5`.", valueName: "ranks"))
    var rank: String?

    @Option(
        help: ArgumentHelp(
            "Print what differs in the programs of this deployment.", valueName: "file"))
    var diff: String?

    @OptionGroup var options: SharedOptions

    func validate() throws {
        try require(length, of: "--length", in: FileSchema.sequenceLength)
        if check, rank != nil || diff != nil {
            throw ValidationError(
                "`--check` proves whole programs; it goes with neither `--rank` nor `--diff`")
        }
    }

    func run() throws {
        try answering(options) {
            let programs = try compilePrograms(file)
            if check { return try prove(programs) }
            if let diff { return try printDifferences(programs, try compilePrograms(diff)) }
            let texts = try programs.map {
                ProgramText(sequence_length: $0.length, program: try text(of: $0.program))
            }
            if options.json { return try printJSON(texts) }
            for (index, text) in texts.enumerated() {
                if index > 0 { printLine("") }
                printLine(text.program.joined(separator: "\n"))
            }
        }
    }

    private struct Entry {
        var length: Int
        var model: Model
        var program: Program
    }

    private func compilePrograms(_ path: String) throws -> [Entry] {
        let read = try loadDeployment(path)
        for note in read.notes { printDiagnostics([note], colored: options.isColored(2)) }
        var deployment = read.deployment
        if local { deployment = deployment.local().deployment }
        let plan = try deployment.requirePlan(file: path)
        if let length {
            deployment.workload.sequenceLengths = [length]
            deployment.workload.lengthWeights = nil
        }
        let buckets = "plan.by_sequence_length"
        let entries = try deployment.workload.sequenceLengths.map { length throws(Problems) in
            if let bucket = plan.bucket(forLength: length) { return (length, bucket) }
            throw Problems([
                Diagnostic(
                    .sequenceLength, location: read.positions.location(of: buckets),
                    path: buckets,
                    problem: "no bucket of the plan holds sequences of \(length) tokens",
                    expected: "at most \(plan.buckets.last?.lengthMax ?? 0)")
            ])
        }
        try deployment.requireSound(at: read.positions)
        let precision = deployment.workload.precision
        return try entries.map { length, bucket throws(Problems) in
            let shape = StepShape(bucket: bucket, length: length, precision: precision)
            let program = try compile(
                model: deployment.model, plan: plan, shape: shape, at: read.positions)
            return Entry(length: length, model: deployment.model, program: program)
        }
    }

    // MARK: - Proving

    private struct Proof: Encodable {
        var sequence_length: Int
        var ranks: Int
        var classes: Int
        var instructions: Int
        var slot_bytes_peak: Int
        var proven: Bool
        var problems: [DiagnosticRecord]
    }

    private func prove(_ programs: [Entry]) throws {
        var found: [Diagnostic] = []
        let proofs = programs.map { entry in
            let problems = entry.program.verify(for: entry.model)
            found += problems
            return Proof(
                sequence_length: entry.length, ranks: entry.program.mesh.worldSize,
                classes: entry.program.classes.count,
                instructions: entry.program.classes.map(\.instructions.count).reduce(0, +),
                slot_bytes_peak: entry.program.classes.map(\.memoryPeak.size.count).max() ?? 0,
                proven: problems.isEmpty, problems: problems.map { DiagnosticRecord($0) })
        }
        if options.json {
            try printJSON(proofs)
        } else {
            for proof in proofs { printLine(summary(of: proof)) }
            if proofs.allSatisfy(\.proven), !options.quiet {
                printLine(
                    "proven: every send has its receive, groups agree on the order of their "
                        + "collectives,\n        nobody waits forever, every slot is written "
                        + "before it is read and freed in the end")
            }
        }
        guard found.isEmpty else {
            printDiagnostics(found, colored: options.isColored(2))
            throw ExitCode.no
        }
    }

    private func summary(of proof: Proof) -> String {
        let verdict = proof.proven ? "proven" : "WRONG"
        return "length \(proof.sequence_length): \(verdict), "
            + "\(counted(proof.ranks, "rank", "ranks")) in "
            + "\(counted(proof.classes, "class", "classes")), "
            + "\(proof.instructions) instructions, slots peak at "
            + "\(Bytes(proof.slot_bytes_peak)) on a rank"
    }

    // MARK: - Printing

    private func text(of program: Program, isNumbered: Bool = true) throws -> [String] {
        guard let rank else { return program.description.split(separator: "\n").map(String.init) }
        return try ranks(rank, worldSize: program.mesh.worldSize).flatMap { rank in
            ["rank \(rank): \(program.mesh.describe(rank))"]
                + program.peers(of: rank).map { "  \($0)" }
                + program.programClass(of: rank).instructions.enumerated().map {
                    isNumbered ? "\($0.offset)  \($0.element)" : "\($0.element)"
                }
        }
    }

    private func ranks(_ list: String, worldSize: Int) throws -> [Rank] {
        try list.split(separator: ",", omittingEmptySubsequences: false).map { word in
            guard let index = Int(word), (0..<worldSize).contains(index) else {
                throw ValidationError(
                    "`--rank \(list)` names `\(word)`; ranks are 0 to \(worldSize - 1)")
            }
            return Rank(index)
        }
    }

    private func printDifferences(_ own: [Entry], _ others: [Entry]) throws {
        let lengths = Set((own + others).map(\.length)).sorted()
        let differences = try lengths.map { length in
            let before = own.first { $0.length == length }
            let after = others.first { $0.length == length }
            return ProgramDifference(
                sequence_length: length,
                before: try before.map { try text(of: $0.program, isNumbered: false) },
                after: try after.map { try text(of: $0.program, isNumbered: false) })
        }
        if options.json {
            try printJSON(differences)
        } else {
            for difference in differences {
                for line in difference.lines { printLine(line) }
            }
        }
        if !differences.allSatisfy(\.isEmpty) { throw ExitCode.no }
    }
}

extension Program {
    /// Which ranks share each queue of a rank's program.
    fileprivate func peers(of rank: Rank) -> [String] {
        programClass(of: rank).queues.map { queue in
            let members = mesh.members(of: queue, rank: rank).map(\.description)
            return "\(queue.name): ranks \(members.joined(separator: " "))"
        }
    }
}
