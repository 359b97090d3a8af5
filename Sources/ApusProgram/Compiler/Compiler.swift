package import ApusBase
package import ApusPlan

/// Compiles a plan into the program of one step, one class of ranks per pipeline stage.
///
/// Each stage goes through the same passes: the schedule orders micro-batches, `StageCompiler`
/// expands them into islands and bridges over numbered values, and `assignSlots` gives the values
/// places to live in and ends their lives.
///
/// For messages about a plan from a file, `positions` says where its keys stand.
///
/// - Throws: `Problems` that name what the plan asks for and the compiler cannot express yet.
package func compile(
    model: Model, plan: Plan, shape: StepShape, at positions: KeyPositions = KeyPositions()
) throws(Problems) -> Program {
    let problems =
        notCompiled(plan, shape, positions)
        + tooManyInstructions(model, plan, shape, positions)
    guard problems.isEmpty else { throw Problems(problems) }
    let stages = plan.virtualStages
    let mesh = Mesh(
        plan.degrees.carving(tensor: shape.tensorParallel), placement: plan.pipelinePlacement,
        carvedTensor: shape.tensorParallel / plan.degrees.tensor, chunks: stages.chunks,
        isV: stages.isV)
    let schedule = PipelineSchedule(plan.schedule, on: stages, microBatches: shape.microBatches)
    guard let parts = schedule.stageSchedules else {
        preconditionFailure("generated schedules end, and written ones are read only if they do")
    }
    let layerParts = LayerParts(model)
    let statistics = StatisticsLayout(model: model, worldSize: mesh.worldSize)
    let classes = parts.enumerated().map { index, part in
        let context = StageContext(
            model: model, mesh: mesh, shape: shape, zeroStage: plan.zeroStage, stage: Stage(index),
            chunks: plan.layers(of: Stage(index), in: model), parts: layerParts,
            statisticsSize: statistics.size)
        return compileStage(context, part)
    }
    return Program(mesh: mesh, shape: shape, parts: layerParts, classes: classes)
}

/// What the passes know about the stage that they compile.
struct StageContext {
    let model: Model
    let mesh: Mesh
    let shape: StepShape
    let zeroStage: Int
    let stage: Stage
    /// The layers of each chunk.
    let chunks: [Range<Int>]
    let parts: LayerParts
    /// What ranks tell each other once per step.
    let statisticsSize: Bytes

    var isFirst: Bool { stage.index == 0 }
    var isLast: Bool { stage == mesh.headStage }
    var expertsPerRank: Int { model.expertCount / mesh.degrees.expert }
    /// Stored weights of the stage; which share of the experts a rank holds changes no size.
    var parameters: [StoredParameter] {
        model.storedParameters(
            layers: chunks.joined(), isFirst: isFirst, isLast: isLast, experts: 0..<expertsPerRank)
    }

    /// The virtual stage that is a chunk.
    func index(of chunk: Int) -> Int {
        mesh.virtualStages.index(stage: stage.index, chunk: chunk)
    }

    func startsModel(_ chunk: Int) -> Bool { index(of: chunk) == 0 }
    func endsModel(_ chunk: Int) -> Bool { index(of: chunk) == mesh.virtualStages.count - 1 }
}

private func compileStage(_ context: StageContext, _ schedule: StageSchedule) -> ProgramClass {
    let buckets = gradientBuckets(context)
    var compiler = StageCompiler(context, buckets: buckets)
    compiler.compile(schedule)
    let (instructions, slots) = assignSlots(compiler.instructions, values: compiler.values)
    return ProgramClass(
        stage: context.stage, chunks: context.chunks, slots: slots, buckets: buckets.map(\.bucket),
        instructions: instructions)
}

/// What the plan asks for that no pass can express yet, by key.
private func notCompiled(
    _ plan: Plan, _ shape: StepShape, _ positions: KeyPositions
) -> [Diagnostic] {
    func missing(_ path: String, _ value: String, expected: String) -> Diagnostic {
        Diagnostic(
            .notCompiled, location: positions.location(of: path), path: path,
            problem: "`\(path)` is \(value), which Apus cannot compile into a program yet",
            expected: expected, hint: "`--local` replaces what cannot run yet and says so")
    }
    let degrees = plan.degrees
    let index = plan.bucketIndex(forLength: shape.sequenceLength)
    let bucket = index.map { positions.path(ofBucket: $0, in: plan) } ?? "plan"
    var problems: [Diagnostic] = []
    if let written = plan.schedule.written?.schedule {
        if written.virtualStages.stages != degrees.pipeline {
            let value = "a schedule of \(written.virtualStages.stages) stages"
            problems.append(
                missing("plan.schedule_file", value, expected: "\(degrees.pipeline) rows"))
        }
        if written.microBatches != shape.microBatches {
            let value = "a schedule of \(written.microBatches) micro-batches"
            problems.append(
                missing(
                    "plan.schedule_file", value, expected: "\(shape.microBatches) micro-batches"))
        }
    }
    if degrees.tensor > 1 {
        problems.append(missing("plan.tensor_parallel", "\(degrees.tensor)", expected: "1"))
    }
    if degrees.context > 1 {
        problems.append(missing("plan.context_parallel", "\(degrees.context)", expected: "1"))
    }
    if degrees.expertTensor > 1 {
        let value = "\(degrees.expertTensor)"
        problems.append(missing("plan.expert_tensor_parallel", value, expected: "1"))
    }
    if plan.zeroStage > 1 {
        problems.append(missing("plan.zero_stage", "\(plan.zeroStage)", expected: "0 or 1"))
    }
    if shape.recompute == .selective {
        problems.append(
            missing("\(bucket).recompute", "`selective`", expected: "`none` or `full`"))
    }
    if shape.tokensPerMicroBatch % shape.tensorParallel != 0 {
        problems.append(
            missing(
                "\(bucket).tensor_parallel", "\(shape.tensorParallel)",
                expected: "a divisor of the micro-batch's \(shape.tokensPerMicroBatch) tokens"))
    }
    return problems.sortedByPosition(first: positions.location(of: "")?.file)
}

/// The most instructions that the classes of a program may have together.
///
/// That is about 5 s of compiling and half a gigabyte, far above plans for 16 384 ranks.
private let instructionsMax = 5_000_000

/// Refuses a program that would take minutes and gigabytes before it says anything.
///
/// A layer of one micro-batch takes up to 50 instructions with recomputation and expert
/// parallelism, a stage boundary up to 20.
private func tooManyInstructions(
    _ model: Model, _ plan: Plan, _ shape: StepShape, _ positions: KeyPositions
) -> [Diagnostic] {
    let perMicroBatch = 50 * model.layerCount + 20 * plan.virtualStages.count
    let (count, overflow) = perMicroBatch.multipliedReportingOverflow(by: shape.microBatches)
    guard overflow || count > instructionsMax else { return [] }
    return [
        Diagnostic(
            .countLimit, location: positions.location(of: "plan"), path: "plan",
            problem: "\(model.layerCount) layers, \(plan.degrees.pipeline) stages and "
                + "\(shape.microBatches) micro-batches make a program of more instructions than "
                + "Apus compiles",
            expected: "at most \(instructionsMax / perMicroBatch) micro-batches of that model",
            hint: "fewer micro-batches with more sequences each do the same work")
    ]
}
