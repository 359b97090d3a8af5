package import ApusBase
package import ApusPlan

/// Compiles a plan into the program of one step, one class of ranks per pipeline stage.
///
/// Each stage goes through the same passes: the schedule orders micro-batches, `StageCompiler`
/// expands them into islands and bridges over numbered values, and `assignSlots` gives the values
/// places to live in and ends their lives.
///
/// - Throws: `Problems` that name what the plan asks for and the compiler cannot express yet.
package func compile(
    model: Model, plan: Plan, shape: StepShape
) throws(Problems) -> Program {
    let problems = notCompiled(model: model, plan: plan)
    guard problems.isEmpty else { throw Problems(problems) }
    let mesh = Mesh(plan.degrees, placement: plan.pipelinePlacement)
    var classes: [ProgramClass] = []
    for index in 0..<plan.degrees.pipeline {
        guard
            let schedule = plan.schedule.entries(
                stage: index, stages: plan.degrees.pipeline, microBatches: shape.microBatches)
        else { throw Problems([scheduleNotCompiled(plan.schedule)]) }
        let context = StageContext(
            model: model, mesh: mesh, shape: shape, stage: Stage(index),
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

private func notCompiled(model: Model, plan: Plan) -> [Diagnostic] {
    let degrees = [
        ("plan.tensor_parallel", plan.degrees.tensor),
        ("plan.context_parallel", plan.degrees.context),
        ("plan.expert_tensor_parallel", plan.degrees.expertTensor),
        ("plan.zero_stage", plan.zeroStage + 1),
    ]
    return degrees.filter { $0.1 > 1 }.map { path, degree in
        let value = path == "plan.zero_stage" ? degree - 1 : degree
        return Diagnostic(
            "not-compiled", path: path,
            problem: "`\(path)` is \(value), which Apus cannot compile into a program yet",
            expected: path == "plan.zero_stage" ? "0" : "1",
            hint: "`--local` replaces what cannot run yet and says so")
    }
}

private func scheduleNotCompiled(_ schedule: Plan.Schedule) -> Diagnostic {
    Diagnostic(
        "not-compiled", path: "plan.schedule",
        problem: "`plan.schedule` is `\(schedule.rawValue)`, which Apus cannot compile yet",
        expected: "`1f1b` or `gpipe`", hint: "`--local` replaces what cannot run yet and says so")
}
