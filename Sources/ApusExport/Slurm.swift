import ApusPlan

/// Writes a batch script for each job, in which `srun` starts every rank.
struct Slurm {
    let request: ExportRequest
    let jobs: [ExportJob]

    init(_ request: ExportRequest, _ jobs: [ExportJob]) {
        self.request = request
        self.jobs = jobs
    }

    func export() -> Export {
        var notes = LossNotes("Slurm", positions: request.positions)
        var files: [ExportedFile] = []
        for job in jobs {
            let program = JobProgram(
                request, job, among: jobs, deployment: shellWord(request.file))
            notes.add(program.notes)
            // Jobs of one framework share some of their files.
            files += program.files.filter { file in !files.contains { $0.name == file.name } }
            files.append(
                ExportedFile(
                    name: "slurm-\(job.sequenceLength).sbatch", text: text(job, program),
                    isExecutable: true))
        }
        return Export(files: files, notes: notes.sorted())
    }

    private func text(_ job: ExportJob, _ program: JobProgram) -> String {
        let name = "\(jobName(file: request.file))-\(job.sequenceLength)"
        let lines =
            ["#!/usr/bin/env bash"]
            + directives(job, name: name).map { "#SBATCH \($0)" }
            + hashComments(header(job, program)) + ["set -euo pipefail", ""] + addresses
            + folder + [
                "", "srun --kill-on-bad-exit=1 bash -c '",
                "    export RANK=\"$SLURM_PROCID\" WORLD_SIZE=\"$SLURM_NTASKS\"",
                "    export LOCAL_RANK=\"$SLURM_LOCALID\" LOCAL_WORLD_SIZE=\(job.gpusPerNode)",
                "    exec \"$@\"",
                "' rank \\",
                "    " + (program.command("$EXPORT_DIR") + ["\"$@\""]).joined(separator: " "),
            ]
        return lines.joined(separator: "\n") + "\n"
    }

    private func directives(_ job: ExportJob, name: String) -> [String] {
        [
            "--job-name=\(name)", "--nodes=\(job.nodeCount)",
            "--ntasks-per-node=\(job.gpusPerNode)", "--distribution=block", "--exclusive",
        ] + (job.usesProcessors ? [] : ["--gpus-per-node=\(job.gpusPerNode)"])
            + ["--output=%x-%j.log"]
    }

    private func header(_ job: ExportJob, _ program: JobProgram) -> [String] {
        let options =
            request.framework == .apus
            ? "Its arguments go to `apus train`: sbatch SCRIPT --data book.txt"
            : "Its arguments go to the framework's script. Submit it in the folder of that script, "
                + "or set EXPORT_DIR."
        return [
            "Slurm: \(job.summary)", "", "Written by `apus export`.", options,
            "Account, partition and time limit are yours to add, here or on the command line.",
        ] + noteComments(program.notes)
    }

    private var addresses: [String] {
        [
            "mapfile -t hosts < <(scontrol show hostnames \"$SLURM_JOB_NODELIST\")",
            "export MASTER_ADDR=\"${hosts[0]}\"",
            "# One port for each job, below those that Linux hands out.",
            "export MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000))",
        ]
    }

    private var folder: [String] {
        request.framework == .apus
            ? [] : ["export EXPORT_DIR=\"${EXPORT_DIR:-$SLURM_SUBMIT_DIR}\""]
    }
}
