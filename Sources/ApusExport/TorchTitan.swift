import ApusPlan

/// Writes a module of torchtitan configurations, and a script for each job that starts one of them.
///
/// Since version 0.3 torchtitan is configured by functions of Python modules that return a
/// `Trainer.Config`; files in TOML are read no more.
struct TorchTitan {
    static let version = "torchtitan 0.3.0"
    static let module = "apus_torchtitan"

    let request: ExportRequest
    let jobs: [ExportJob]

    init(_ request: ExportRequest, _ jobs: [ExportJob]) {
        self.request = request
        self.jobs = jobs
    }

    func export() -> Export {
        var notes = LossNotes("torchtitan", positions: request.positions)
        for job in jobs { notes.add(settings(job).notes) }
        let scripts = jobs.map { job in
            ExportedFile(
                name: fileName(job), text: script(settings(job)).text, isExecutable: true)
        }
        return Export(files: [moduleFile()] + scripts, notes: notes.sorted())
    }

    func fileName(_ job: ExportJob) -> String { "torchtitan-\(job.sequenceLength).sh" }

    func settings(_ job: ExportJob) -> TorchTitanSettings {
        var settings = TorchTitanSettings(job, positions: request.positions)
        settings.write()
        return settings
    }

    /// The module with one function for each sequence length.
    func moduleFile() -> ExportedFile {
        let settings = jobs.map { self.settings($0) }
        var notes = LossNotes("torchtitan", positions: request.positions)
        for item in settings { notes.add(item.notes) }
        let header = hashComments(
            ["Configurations of \(Self.version), written by `apus export`."] + noteComments(notes))
        let model = jobs.first.map { TorchTitanModel(model: $0.model, routing: $0.routing) }
        let functions = settings.flatMap { ["", ""] + $0.function }
        let lines =
            header + TorchTitanModel.imports + (model?.extraImports ?? []) + ["", ""]
            + (model?.function ?? []) + functions
        return ExportedFile(
            name: "\(Self.module).py", text: lines.joined(separator: "\n") + "\n")
    }

    func script(_ settings: TorchTitanSettings) -> LaunchScript {
        let job = settings.job
        return LaunchScript(
            title: "torchtitan", job: job, notes: settings.notes,
            usage: [
                "Configurations of \(Self.version) stand in \(Self.module).py. Start it once on",
                "each node, or once for each rank with RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR",
                "and MASTER_PORT set. Its arguments go to torchtitan, such as",
                "  --hf_assets_path DIR --dataloader.dataset c4",
            ],
            body: [
                "here=$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd)",
                "export PYTHONPATH=\"$here${PYTHONPATH:+:$PYTHONPATH}\"",
            ],
            launcher: job.torchrun,
            command: [
                "-m torchtitan.train", "--module \(Self.module)",
                "--config \(settings.functionName)", "\"$@\"",
            ])
    }
}
