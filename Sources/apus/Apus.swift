import ArgumentParser

@main
struct Apus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Plans, predicts, audits, proves and runs hybrid-parallel MoE training.",
        discussion: """
            A deployment file names a model, a cluster, a workload and a parallel plan. Exit \
            status: 0 yes, 1 the answer is no, 2 no answer could be given, 64 wrong usage, 70 a \
            bug in Apus, 130 interrupted.
            """,
        version: "0.1.0",
        subcommands: [
            PlanCommand.self, AuditCommand.self, ExplainCommand.self, ProgramCommand.self,
            ValidateCommand.self, ExportCommand.self, TrainCommand.self,
            CalibrateCommand.self, DoctorCommand.self,
        ])
}
