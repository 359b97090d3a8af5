import ApusPlan

/// Writes a shell script for each job that starts Megatron-LM's `pretrain_gpt.py`.
///
/// Options are those of Megatron Core 0.19.2, whose wheel holds `megatron/training/arguments.py`.
struct MegatronLM {
    static let version = "Megatron Core 0.19.2"

    let request: ExportRequest
    let jobs: [ExportJob]

    init(_ request: ExportRequest, _ jobs: [ExportJob]) {
        self.request = request
        self.jobs = jobs
    }

    func export() -> Export {
        var notes = LossNotes("Megatron-LM", positions: request.positions)
        let files = jobs.map { job in
            let script = script(job)
            notes.add(script.notes)
            return ExportedFile(name: fileName(job), text: script.text, isExecutable: true)
        }
        return Export(files: files, notes: notes.sorted())
    }

    func fileName(_ job: ExportJob) -> String { "megatron-\(job.sequenceLength).sh" }

    func script(_ job: ExportJob) -> LaunchScript {
        var options = MegatronOptions(job, positions: request.positions)
        options.write()
        let lists = options.lists
        return LaunchScript(
            title: "Megatron-LM", job: job, notes: options.notes,
            usage: [
                "Options are those of \(Self.version). Start it once on each node, or once for",
                "each rank with RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT set.",
                "Its arguments say what to train on and replace the mock data:",
                "  --data-path FILE --tokenizer-type HuggingFaceTokenizer --tokenizer-model DIR",
            ],
            body: [
                ": \"${MEGATRON_PATH:?the folder of Megatron-LM, which holds pretrain_gpt.py}\""
            ] + options.environment + lists.flatMap { [""] + $0.lines } + data(job),
            launcher: job.torchrun,
            command: ["\"$MEGATRON_PATH/pretrain_gpt.py\""] + lists.map(\.use)
                + ["\"${data[@]}\""])
    }

    private func data(_ job: ExportJob) -> [String] {
        [
            "",
            "data=(--mock-data --tokenizer-type NullTokenizer "
                + "--vocab-size \(job.model.vocabularySize))",
            "if [[ $# -gt 0 ]]; then data=(\"$@\"); fi",
        ]
    }
}

/// The options of one job, and what is lost in writing them.
struct MegatronOptions {
    let job: ExportJob
    var notes: LossNotes
    var model = OptionList("model")
    var experts = OptionList("experts")
    var parallelism = OptionList("parallelism")
    var training = OptionList("training")

    init(_ job: ExportJob, positions: KeyPositions) {
        self.job = job
        notes = LossNotes("Megatron-LM", positions: positions)
    }

    /// The lists that have any options, in the order of the script.
    var lists: [OptionList] {
        [model, experts, parallelism, training].filter { !$0.words.isEmpty }
    }

    /// Settings of the environment.
    ///
    /// Megatron-LM asks for one connection where it splits layers over ranks, so that kernels start
    /// in the order of the program, and refuses it with fully sharded data parallelism.
    var environment: [String] {
        usesFullSharding ? [] : ["export CUDA_DEVICE_MAX_CONNECTIONS=1"]
    }

    /// Whether gradients or weights are sharded too, which is another implementation there.
    var usesFullSharding: Bool { job.plan.zeroStage >= 2 }

    mutating func write() {
        writeSizes()
        writeAttention()
        writeFeedForward()
        if job.model.hasExperts {
            writeExperts()
            writeGate()
            writeCapacity()
        }
        writeDegrees()
        writePipeline()
        writeSharding()
        writeRecompute()
        writeBatch()
        writePrecision()
        writeOptimizer()
        noteWhatNoJobHas(job, &notes)
    }
}

/// Takes note of what none of the frameworks' jobs does: changing with the length of a sequence.
func noteWhatNoJobHas(_ job: ExportJob, _ notes: inout LossNotes) {
    let lengths = job.workload.sequenceLengths
    notes.lose(
        "plan.by_sequence_length", if: job.plan.buckets.count > 1,
        instead: "one configuration for each length; a job trains one of them")
    let shorter = lengths.filter { $0 < job.sequenceLength && job.bucket.holds(length: $0) }
        .filter { length in job.plan.bucket(forLength: length) == job.bucket }
    notes.lose(
        "workload.sequence_lengths", "\(lengths)", if: !shorter.isEmpty,
        instead: "sequences of \(shorter.map(String.init).joined(separator: ", ")) tokens are "
            + "packed into ones of \(job.sequenceLength)")
    notes.lose(
        "workload.length_weights", if: job.workload.lengthWeights != nil && lengths.count > 1,
        instead: "a job trains one length; give each job its share of the steps")
    notes.lose(
        "workload.kind", job.workload.kind.rawValue, if: job.workload.kind == .inference,
        instead: "a training job with the same layout")
    notes.lose(
        "\(job.bucketPath).sequences_per_data_rank",
        "\(job.bucket.sequencesPerDataRank)",
        if: job.globalBatchSize != job.workload.sequencesPerBatch,
        instead: "a global batch of \(job.globalBatchSize) sequences, as "
            + "\(job.sequencesPerFlush) do not divide `workload.sequences_per_batch` "
            + "(\(job.workload.sequencesPerBatch))")
    if job.isClusterAssumed {
        notes.assume(
            "cluster",
            "the deployment has no `cluster`; \(job.nodeCount) × \(job.gpusPerNode) GPUs are "
                + "assumed")
    }
}
