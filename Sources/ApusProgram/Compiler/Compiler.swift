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
        notCompiled(model, positions) + notCompiled(plan, shape, positions)
        + tooManyInstructions(model, plan, shape, positions)
    guard problems.isEmpty else { throw Problems(problems) }
    let mesh = Mesh(
        plan.degrees.carving(tensor: shape.tensorParallel), placement: plan.pipelinePlacement,
        carvedTensor: shape.tensorParallel / plan.degrees.tensor)
    var classes: [ProgramClass] = []
    for index in 0..<plan.degrees.pipeline {
        guard
            let schedule = plan.schedule.entries(
                stage: index, stages: plan.degrees.pipeline, microBatches: shape.microBatches)
        else { throw Problems([scheduleNotCompiled(plan.schedule, positions)]) }
        let context = StageContext(
            model: model, mesh: mesh, shape: shape, zeroStage: plan.zeroStage, stage: Stage(index),
            layers: plan.layers(of: Stage(index), in: model))
        classes.append(compileStage(context, schedule))
    }
    return Program(mesh: mesh, shape: shape, classes: classes)
}

/// What the passes know about the stage that they compile.
struct StageContext {
    let model: Model
    let mesh: Mesh
    let shape: StepShape
    let zeroStage: Int
    let stage: Stage
    let layers: Range<Int>

    var isFirst: Bool { stage.index == 0 }
    var isLast: Bool { stage == mesh.lastStage }
    var expertsPerRank: Int { model.expertCount / mesh.degrees.expert }
    /// Stored weights of the stage; which share of the experts a rank holds changes no size.
    var parameters: [StoredParameter] {
        model.storedParameters(
            layers: layers, isFirst: isFirst, isLast: isLast, experts: 0..<expertsPerRank)
    }
}

private func compileStage(_ context: StageContext, _ schedule: [ScheduleEntry]) -> ProgramClass {
    let buckets = gradientBuckets(context)
    var compiler = StageCompiler(context, buckets: buckets)
    compiler.compile(schedule)
    let (instructions, slots) = assignSlots(compiler.instructions, values: compiler.values)
    return ProgramClass(
        stage: context.stage, layers: context.layers, slots: slots, buckets: buckets.map(\.bucket),
        instructions: instructions)
}

/// What the model is made of that no island computes yet.
private func notCompiled(_ model: Model, _ positions: KeyPositions) -> [Diagnostic] {
    guard !model.isComputedByIslands else { return [] }
    let path = "model.model_type"
    return [
        Diagnostic(
            .notCompiled, location: positions.location(of: path), path: path,
            problem: "`\(path)` is `\(model.family.rawValue)`, which Apus cannot compile into a "
                + "program yet",
            expected: "`\(Model.Family.mixtral.rawValue)`")
    ]
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
    let perMicroBatch = 50 * model.layerCount + 20 * plan.degrees.pipeline
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

private func scheduleNotCompiled(
    _ schedule: Plan.Schedule, _ positions: KeyPositions
) -> Diagnostic {
    Diagnostic(
        .notCompiled, location: positions.location(of: "plan.schedule"), path: "plan.schedule",
        problem: "`plan.schedule` is `\(schedule.rawValue)`, which Apus cannot compile yet",
        expected: "`1f1b` or `gpipe`", hint: "`--local` replaces what cannot run yet and says so")
}
