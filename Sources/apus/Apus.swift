import ArgumentParser

@main
struct Apus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Plans, proves and runs MoE training. Exit: 0 yes, 1 no, 2 no answer.",
        version: "0.1.0",
        subcommands: [
            PlanCommand.self, AuditCommand.self, ExplainCommand.self, ProgramCommand.self,
            SimulateCommand.self, CompareCommand.self, ReportCommand.self, ValidateCommand.self,
            ExportCommand.self, TrainCommand.self, VerifyCommand.self, CalibrateCommand.self,
            DoctorCommand.self,
        ])
}
