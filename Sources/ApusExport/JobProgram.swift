import ApusBase
import ApusPlan

/// What a batch system starts for one job: the files of a framework, and the command of a rank.
struct JobProgram {
    var notes: LossNotes
    /// The files that the command needs beside itself.
    var files: [ExportedFile]
    /// The words of the command, as a script writes them; `folder` is where the files lie.
    var command: (_ folder: String) -> [String]

    /// `deployment` is the word that stands for the deployment's file; files that jobs share hold
    /// what all of `jobs` need.
    init(
        _ request: ExportRequest, _ job: ExportJob, among jobs: [ExportJob], deployment: String
    ) {
        switch request.framework {
        case .apus:
            notes = Self.apusNotes(request, job)
            files = []
            command = { _ in
                ["apus", "train", deployment, "--sequence-length", "\(job.sequenceLength)"]
                    + ["--sequences", "\(job.globalBatchSize)"]
                    + (job.usesProcessors ? ["--device", "cpu"] : [])
            }
        case .megatron:
            let target = MegatronLM(request, jobs)
            let script = target.script(job)
            let name = target.fileName(job)
            notes = script.notes
            files = [ExportedFile(name: name, text: script.text, isExecutable: true)]
            command = { ["bash", "\"\($0)/\(name)\""] }
        case .deepspeed:
            let target = DeepSpeed(request, jobs)
            let settings = target.settings(job)
            let name = target.fileName(job)
            notes = settings.notes
            files =
                target.sharedFiles() + [
                    target.configuration(settings),
                    ExportedFile(
                        name: name, text: target.script(settings).text, isExecutable: true),
                ]
            command = { ["bash", "\"\($0)/\(name)\""] }
        case .torchtitan:
            let target = TorchTitan(request, jobs)
            let settings = target.settings(job)
            let name = target.fileName(job)
            notes = settings.notes
            files = [
                target.moduleFile(),
                ExportedFile(name: name, text: target.script(settings).text, isExecutable: true),
            ]
            command = { ["bash", "\"\($0)/\(name)\""] }
        }
    }

    /// What `apus train` would refuse of the deployment as it stands.
    private static func apusNotes(_ request: ExportRequest, _ job: ExportJob) -> LossNotes {
        var notes = LossNotes("apus train", positions: request.positions)
        var deployment = request.deployment
        deployment.run.setLength(job.sequenceLength)
        deployment.run.sequencesPerStep = job.globalBatchSize
        for problem in deployment.unsupportedForTraining(at: request.positions) {
            notes.add(
                Diagnostic(
                    .exportLoss, severity: .warning, location: problem.location,
                    path: problem.path,
                    problem: "apus train does not start with this: " + problem.problem))
        }
        noteWhatNoJobHas(job, &notes)
        return notes
    }
}
