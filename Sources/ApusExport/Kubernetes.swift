import ApusPlan

/// Writes a manifest for each job: an Indexed Job with one pod for each node, and a headless
/// service through which the pods find the first.
///
/// An Indexed Job is part of Kubernetes itself; Kubeflow's PyTorchJob needs an operator, and sets
/// no variable that this job lacks. A pod holds all GPUs of its node, so that NCCL finds NVLink and
/// shared memory between them.
struct Kubernetes {
    let request: ExportRequest
    let jobs: [ExportJob]

    init(_ request: ExportRequest, _ jobs: [ExportJob]) {
        self.request = request
        self.jobs = jobs
    }

    func export() -> Export {
        var notes = LossNotes("Kubernetes", positions: request.positions)
        let files = jobs.map { job in
            var program = JobProgram(
                request, job, among: [job], deployment: "/apus/deployment.yaml")
            program.notes.assume(
                "cluster",
                "the manifest names an image `IMAGE` and a claim `data`, which are yours to "
                    + "replace")
            notes.add(program.notes)
            let manifest = KubernetesManifest(request: request, job: job, program: program)
            return ExportedFile(
                name: "kubernetes-\(job.sequenceLength).yaml", text: manifest.text)
        }
        return Export(files: files, notes: notes.sorted())
    }
}

/// The objects of one job.
struct KubernetesManifest {
    let request: ExportRequest
    let job: ExportJob
    let program: JobProgram

    private var name: String { "\(jobName(file: request.file))-\(job.sequenceLength)" }

    var text: String {
        let header = hashComments(
            [
                "Kubernetes: \(job.summary)", "",
                "Written by `apus export`. Replace IMAGE, and the claim `data`, which holds what",
                "to train on. All pods have to start together: on a busy cluster, queue the job",
                "with Kueue or another scheduler of gangs. A job that lost a pod ends; start it",
                "anew.",
            ] + noteComments(program.notes))
        let documents = [service, files, indexedJob].map { $0.joined(separator: "\n") }
        return header.joined(separator: "\n") + "\n" + documents.joined(separator: "\n---\n") + "\n"
    }

    /// Gives the pods names before they are ready: they wait for each other to become so.
    private var service: [String] {
        [
            "apiVersion: v1", "kind: Service", "metadata:", "  name: \(name)", "spec:",
            "  clusterIP: None", "  publishNotReadyAddresses: true", "  selector:",
            "    batch.kubernetes.io/job-name: \(name)",
        ]
    }

    private var files: [String] {
        var entries = program.files.map { file in
            file.name == "hostfile" ? (file.name, hostfile) : (file.name, file.text)
        }
        entries.append(("start.sh", startScript))
        if request.framework == .apus {
            var deployment = request.deployment
            deployment.claims = []
            entries.append(("deployment.yaml", deployment.text()))
        }
        return ["apiVersion: v1", "kind: ConfigMap", "metadata:", "  name: \(name)", "data:"]
            + entries.flatMap { name, text in ["  \(name): |"] + indented(text, by: 4) }
    }

    private func indented(_ text: String, by count: Int) -> [String] {
        let margin = String(repeating: " ", count: count)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { $0.isEmpty ? "" : margin + $0 }
    }

    private var hostfile: String {
        (0..<job.nodeCount).map { "\(name)-\($0).\(name) slots=\(job.gpusPerNode)\n" }.joined()
    }

    /// What a pod runs: the framework's script starts its ranks, those of Apus are started here.
    private var startScript: String {
        let command = program.command("/apus").joined(separator: " ")
        guard request.framework == .apus else {
            return "set -euo pipefail\nexec \(command) \"$@\"\n"
        }
        return """
            set -uo pipefail
            ranks=()
            for ((local = 0; local < \(job.gpusPerNode); local++)); do
                RANK=$((NODE_RANK * \(job.gpusPerNode) + local)) LOCAL_RANK=$local \\
                    \(command) "$@" &
                ranks+=($!)
            done
            # The first rank that fails ends the pod, and with it the job.
            status=0
            for _ in "${ranks[@]}"; do
                wait -n
                status=$?
                if [[ $status -ne 0 ]]; then kill "${ranks[@]}" 2>/dev/null; break; fi
            done
            wait
            exit "$status"

            """
    }

    private var indexedJob: [String] {
        [
            "apiVersion: batch/v1", "kind: Job", "metadata:", "  name: \(name)", "spec:",
            "  completionMode: Indexed", "  completions: \(job.nodeCount)",
            "  parallelism: \(job.nodeCount)",
            "  # A rank alone cannot start again: the others have gone on without it.",
            "  backoffLimit: 0", "  template:", "    spec:", "      subdomain: \(name)",
            "      restartPolicy: Never",
        ] + (affinity + container + volumes).map { "      " + $0 }
    }

    /// One pod on each node, as the ranks of a pod are those of a node.
    private var affinity: [String] {
        [
            "affinity:", "  podAntiAffinity:",
            "    requiredDuringSchedulingIgnoredDuringExecution:",
            "      - topologyKey: kubernetes.io/hostname", "        labelSelector:",
            "          matchLabels:", "            batch.kubernetes.io/job-name: \(name)",
        ]
    }

    private var container: [String] {
        let sizes = [("WORLD_SIZE", "\(ranks)"), ("LOCAL_WORLD_SIZE", "\(job.gpusPerNode)")]
        let variables =
            [("MASTER_ADDR", "\(name)-0.\(name)"), ("MASTER_PORT", "29500")]
            + (request.framework == .apus ? sizes : [])
        let arguments = request.framework == .apus ? ["--data", "/data"] : []
        let command = (["bash", "/apus/start.sh"] + arguments).map(quoted).joined(separator: ", ")
        let index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
        var lines = [
            "containers:", "  - name: train", "    image: IMAGE", "    command: [\(command)]",
            "    workingDir: /data", "    env:", "      - name: NODE_RANK", "        valueFrom:",
            "          fieldRef:", "            fieldPath: \(index)",
        ]
        for (name, value) in variables {
            lines += ["      - name: \(name)", "        value: \(quoted(value))"]
        }
        lines += ["    resources:", "      limits:", "        \(resource)", "    volumeMounts:"]
        for (name, path) in [("shm", "/dev/shm"), ("files", "/apus"), ("data", "/data")] {
            lines += ["      - name: \(name)", "        mountPath: \(path)"]
        }
        return lines
    }

    private var ranks: Int { job.nodeCount * job.gpusPerNode }

    private var resource: String {
        if job.usesProcessors { return "cpu: \(job.cores ?? 1)" }
        return "\(job.gpuVendor)/gpu: \(job.gpusPerNode)"
    }

    /// NCCL and the loaders of data share memory, of which a container has 64 MiB otherwise.
    ///
    /// Assumption: 4 GiB for each rank.
    private var volumes: [String] {
        [
            "volumes:", "  - name: shm", "    emptyDir:", "      medium: Memory",
            "      sizeLimit: \(4 * job.gpusPerNode)Gi", "  - name: files", "    configMap:",
            "      name: \(name)", "  - name: data", "    persistentVolumeClaim:",
            "      claimName: data",
        ]
    }
}
