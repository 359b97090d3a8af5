import ApusBase

extension FieldReader {
    mutating func plan(
        _ section: Section, _ readReferencedFile: (String) throws(Problems) -> [UInt8]
    ) -> Plan {
        let one = Degrees()
        let degrees = Degrees(
            pipeline: integer("pipeline_parallel", in: section, default: one.pipeline),
            data: integer("data_parallel", in: section, default: one.data),
            context: integer("context_parallel", in: section, default: one.context),
            tensor: integer("tensor_parallel", in: section, default: one.tensor),
            expert: integer("expert_parallel", in: section, default: one.expert),
            expertTensor: integer("expert_tensor_parallel", in: section, default: one.expertTensor))
        let standard = Plan(degrees: one, buckets: [])
        let schedule = schedule(section, readReferencedFile)
        let chunks = schedule?.written?.schedule.virtualStages.chunks ?? standard.chunksPerRank
        let layers = section.value("layers_per_stage").map { _ in
            integers("layers_per_stage", in: section)
        }
        return Plan(
            degrees: degrees,
            schedule: schedule ?? standard.schedule,
            chunksPerRank: integer("chunks_per_rank", in: section, default: chunks),
            zeroStage: integer("zero_stage", in: section, default: standard.zeroStage),
            pipelinePlacement: choice(
                "pipeline_placement", in: section, default: standard.pipelinePlacement),
            layersPerStage: layers,
            sequenceParallel: flag(
                "sequence_parallel", in: section, default: standard.sequenceParallel),
            overlap: flag("overlap", in: section, default: standard.overlap),
            hierarchicalReduce: flag(
                "hierarchical_reduce", in: section, default: standard.hierarchicalReduce),
            buckets: buckets(section, degrees: degrees))
    }

    /// The schedule that the plan names, or that the file it names holds.
    private mutating func schedule(
        _ plan: Section, _ readReferencedFile: (String) throws(Problems) -> [UInt8]
    ) -> Plan.Schedule? {
        let named = plan.value("schedule").flatMap { node in
            let name = name(
                node, at: plan.path(of: "schedule"), among: Plan.Schedule.generated.map(\.name))
            return Plan.Schedule.generated.first { $0.name == name }
        }
        guard let file = optionalText("schedule_file", in: plan) else { return named }
        guard plan.value("schedule") == nil else {
            reject(
                .conflictingKeys, "plan.schedule_file",
                "`plan.schedule` and `plan.schedule_file` are both given",
                expected: "one of them")
            return named
        }
        let path = sibling(file, of: self.file)
        do throws(Problems) {
            let text = try fileText(readReferencedFile(path), file: path)
            var reader = ScheduleReader(file: path)
            let schedule = reader.read(text)
            for problem in reader.problems { report(problem) }
            if let schedule {
                return .written(WrittenSchedule(file: file, schedule: schedule))
            }
        } catch {
            for problem in error.diagnostics { report(problem) }
        }
        markUnusable("plan.schedule_file")
        markUnusable("plan.schedule")
        return nil
    }

    /// The buckets of a plan; without `by_sequence_length` the plan itself is one for all lengths.
    private mutating func buckets(_ plan: Section, degrees: Degrees) -> [Plan.Bucket] {
        let keys = ["micro_batches", "sequences_per_data_rank", "recompute"]
        guard plan.value("by_sequence_length") != nil else {
            if keys.contains(where: { plan.value($0) != nil }) {
                return [bucket(plan, lengthMax: nil, tensorParallel: degrees.tensor)]
            }
            rejectMissing(
                "by_sequence_length", in: plan,
                expected: "a list, or `micro_batches` and `sequences_per_data_rank` in `plan`")
            return [standInBucket]
        }
        for key in keys where plan.value(key) != nil {
            reject(
                .conflictingKeys, plan.path(of: key),
                "`plan.\(key)` and `plan.by_sequence_length` are both given",
                expected: "`\(key)` in each entry of `by_sequence_length`, or in `plan` alone")
        }
        let sections = sections("by_sequence_length", in: plan, fields: FileSchema.bucket)
        guard !sections.isEmpty else {
            if !unusable.contains("plan.by_sequence_length") {
                reject(
                    .missingKey, "plan.by_sequence_length", "`plan.by_sequence_length` is empty",
                    expected: "at least one entry")
            }
            return [standInBucket]
        }
        return sections.map { section in
            let isOnly = sections.count == 1 && section.value("up_to") == nil
            return bucket(
                section, lengthMax: isOnly ? nil : integer("up_to", in: section),
                tensorParallel: integer(
                    "tensor_parallel", in: section, default: degrees.tensor))
        }
    }

    private var standInBucket: Plan.Bucket {
        Plan.Bucket(
            lengthMax: nil, microBatches: 1, sequencesPerDataRank: 1, tensorParallel: 1,
            recompute: .none)
    }

    private mutating func bucket(
        _ section: Section, lengthMax: Int?, tensorParallel: Int
    ) -> Plan.Bucket {
        Plan.Bucket(
            lengthMax: lengthMax, microBatches: integer("micro_batches", in: section),
            sequencesPerDataRank: integer("sequences_per_data_rank", in: section),
            tensorParallel: tensorParallel,
            recompute: choice("recompute", in: section, default: .none))
    }
}
