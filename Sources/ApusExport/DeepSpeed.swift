import ApusPlan

/// Writes DeepSpeed's configuration, the command that starts it, and what the model code must do.
///
/// DeepSpeed holds no model: pipelines and experts are built by the training program, which finds
/// its part of the plan in `apus_deepspeed.py`.
struct DeepSpeed {
    static let version = "DeepSpeed 0.19.8"

    let request: ExportRequest
    let jobs: [ExportJob]

    init(_ request: ExportRequest, _ jobs: [ExportJob]) {
        self.request = request
        self.jobs = jobs
    }

    func export() -> Export {
        var notes = LossNotes("DeepSpeed", positions: request.positions)
        var files: [ExportedFile] = []
        for job in jobs {
            let settings = settings(job)
            notes.add(settings.notes)
            files.append(configuration(settings))
            files.append(
                ExportedFile(
                    name: fileName(job), text: script(settings).text, isExecutable: true))
        }
        return Export(files: sharedFiles() + files, notes: notes.sorted())
    }

    func fileName(_ job: ExportJob) -> String { "deepspeed-\(job.sequenceLength).sh" }

    func settings(_ job: ExportJob) -> DeepSpeedSettings {
        var settings = DeepSpeedSettings(job, positions: request.positions)
        settings.write()
        return settings
    }

    /// The files that all jobs share: the model code's part of the plan, and the hosts.
    func sharedFiles() -> [ExportedFile] {
        let code = DeepSpeedModelCode(settings: jobs.map { settings($0) })
        let hosts = (1...(jobs.first?.nodeCount ?? 1)).map {
            "node\($0) slots=\(jobs.first?.gpusPerNode ?? 1)"
        }
        return [
            ExportedFile(name: "apus_deepspeed.py", text: code.text),
            ExportedFile(
                name: "hostfile",
                text: (["# Replace the names by those of your hosts."] + hosts)
                    .joined(separator: "\n") + "\n"),
        ]
    }

    func configuration(_ settings: DeepSpeedSettings) -> ExportedFile {
        ExportedFile(
            name: configurationName(settings.job),
            text: settings.configuration.text(in: .json) + "\n")
    }

    private func configurationName(_ job: ExportJob) -> String {
        "deepspeed-\(job.sequenceLength).json"
    }

    func script(_ settings: DeepSpeedSettings) -> LaunchScript {
        let job = settings.job
        return LaunchScript(
            title: "DeepSpeed", job: job, notes: settings.notes,
            usage: [
                "Configuration of \(Self.version). Start it once: it reaches the hosts of",
                "`hostfile` over ssh; or once on each node with NODE_RANK and MASTER_ADDR set; or",
                "once for each rank with RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT",
                "set.",
                "TRAIN_SCRIPT builds the model as `apus_deepspeed.py` says.",
            ],
            body: [
                ": \"${TRAIN_SCRIPT:?the training program}\"",
                "here=$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd)",
                "export PYTHONPATH=\"$here${PYTHONPATH:+:$PYTHONPATH}\"",
            ],
            launcher: [
                "launcher=(", "    deepspeed",
                "    --hostfile \"${HOSTFILE:-$here/hostfile}\"",
                "    --num_nodes \(job.nodeCount)",
                "    --num_gpus \(job.gpusPerNode)",
                "    --master_port \"${MASTER_PORT:-29500}\"", ")",
                "if [[ -n ${MASTER_ADDR:-} ]]; then launcher+=(--master_addr \"$MASTER_ADDR\"); fi",
                "if [[ -n ${NODE_RANK:-} ]]; then "
                    + "launcher+=(--no_ssh --node_rank \"$NODE_RANK\"); fi",
            ],
            command: [
                "\"$TRAIN_SCRIPT\"", "--deepspeed",
                "--deepspeed_config \"$here/\(configurationName(job))\"", "\"$@\"",
            ])
    }
}
