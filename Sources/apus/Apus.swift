import ArgumentParser

@main
struct Apus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: """
            Plans, predicts, audits, proves and runs parallel MoE training.
            Exit status: 0 yes, 1 no, 2 no answer, 64 wrong usage, 70 bug, 130 interrupted.
            """,
        version: "0.1.0",
        subcommands: [
            PlanCommand.self, AuditCommand.self, ExplainCommand.self, ProgramCommand.self,
            SimulateCommand.self, CompareCommand.self, ReportCommand.self, ValidateCommand.self,
            ExportCommand.self, TrainCommand.self, CalibrateCommand.self, DoctorCommand.self,
        ])
}
