import ApusTestSupport
import Testing

@Suite("Help of the command line", .serialized, .timeLimit(.minutes(1)))
struct HelpTests {
    @Test("`apus --help` fits a screen of 80 columns and 24 lines")
    func fitsScreen() throws {
        let help = try ApusProcess.run("--help")
        #expect(help.status == 0)
        #expect(help.errors.isEmpty)
        let lines = help.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        #expect(lines.count <= 24)
        #expect(lines.allSatisfy { $0.count <= 80 })
        try expectSnapshot(help.output, named: "help")
    }

    @Test("each command explains itself within 80 columns", arguments: commands)
    func explainsCommand(command: String) throws {
        let help = try ApusProcess.run(command, "--help")
        #expect(help.status == 0)
        #expect(help.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
        try expectSnapshot(help.output, named: "help-\(command)")
    }

    @Test("completions are generated for each shell", arguments: ["bash", "zsh", "fish"])
    func completes(shell: String) throws {
        let script = try ApusProcess.run("--generate-completion-script", shell)
        #expect(script.status == 0)
        for command in Self.commands { #expect(script.output.contains(command)) }
    }

    @Test("wrong usage is told on stderr with status 64, and nothing is printed")
    func refusesUsage() throws {
        let wrong: [[String]] = [
            ["fly"], ["program"], ["program", "x", "--rank"], ["doctor", "--color", "pink"],
            ["program", "Plans/small.yaml", "--length", "0"],
            ["program", "Plans/small.yaml", "--check", "--rank", "0"],
            ["program", "Plans/small.yaml", "--rank", "0,4"],
            ["program", "Plans/small.yaml", "--rank", ""],
            ["export", "Plans/small.yaml"],
            ["export", "Plans/small.yaml", "--to", "megatron", "--framework", "torchtitan"],
            ["train", "Plans/small.yaml"],
            ["train", "Plans/small.yaml", "--data", "x", "--steps", "0"],
            ["train", "Plans/small.yaml", "--data", "x", "--seed=-1"],
            ["train", "Plans/small.yaml", "--data", "x", "--learning-rate", "nan"],
            ["train", "Plans/small.yaml", "--data", "x", "--timeout", "0.5"],
            ["verify", "Plans/small.yaml", "--ranks", "2"],
            ["verify", "Plans/small.yaml", "--all", "--ranks", "65"],
        ]
        var text = ""
        for arguments in wrong {
            let folder = try TestFolder()
            let outcome = try ApusProcess(arguments, folder: folder).end(within: 20)
            #expect(outcome.status == 64, "\(arguments)")
            #expect(outcome.output.isEmpty)
            text += "$ apus \(arguments.joined(separator: " "))\n\(outcome.errors)\n"
        }
        try expectSnapshot(text, named: "wrong-usage")
    }

    private static let commands = [
        "plan", "audit", "explain", "program", "simulate", "compare", "report", "validate",
        "export", "train", "verify", "calibrate", "doctor",
    ]
}
