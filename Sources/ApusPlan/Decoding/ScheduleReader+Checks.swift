import ApusBase

/// Whether a schedule does all the work, in an order that gives the model's gradients, and ends.
extension ScheduleReader {
    /// How far a virtual stage has come: the micro-batch that each kind of pass takes next.
    private struct Progress {
        var forward = 0
        var inputBackward = 0
        var weightBackward = 0
        var isBroken = false
    }

    /// Checks that each virtual stage takes its micro-batches in order, each pass once.
    ///
    /// After the first pass that is out of order the rest of a virtual stage tells nothing.
    mutating func checkPasses(_ shape: VirtualStages, microBatches: Int) {
        var progress = Array(repeating: Progress(), count: shape.count)
        for row in rows {
            for pass in row.passes where !progress[pass.virtualStage].isBroken {
                let stage = pass.virtualStage
                guard let expected = advance(&progress[stage], pass.entry) else { continue }
                progress[stage].isBroken = true
                report(
                    .scheduleFile, at: location(row, pass),
                    "`\(name(pass.entry, stage))` is out of order on virtual stage \(stage)",
                    expected: expected,
                    hint: "each virtual stage takes its micro-batches in order, so that gradients "
                        + "are added in the order of every other schedule")
                guard problems.count < FileLimits.problemCount else { return }
            }
        }
        let count = counted(microBatches, "micro-batch", "micro-batches")
        for (stage, row) in rows.enumerated() {
            for chunk in 0..<shape.chunks {
                let index = shape.index(stage: stage, chunk: chunk)
                guard !progress[index].isBroken,
                    let missing = missing(progress[index], index, microBatches)
                else { continue }
                report(
                    .scheduleFile, at: location(row, row.passes.last),
                    "the row of stage \(stage) ends before \(missing)",
                    expected: "each pass of the \(count) that the file names, 0 to "
                        + "\(microBatches - 1)")
                guard problems.count < FileLimits.problemCount else { return }
            }
        }
    }

    /// Takes one pass; returns what was expected instead where it does not come now.
    private func advance(_ progress: inout Progress, _ entry: ScheduleEntry) -> String? {
        let batch = entry.microBatch
        switch entry.pass {
        case .forward:
            guard batch == progress.forward else { return "forward of \(progress.forward)" }
            progress.forward += 1
        case .backward:
            guard progress.weightBackward == progress.inputBackward else {
                return "the weights' part of backward of \(progress.weightBackward) before it"
            }
            guard batch == progress.inputBackward else {
                return "backward of \(progress.inputBackward)"
            }
            guard batch < progress.forward else { return "forward of \(batch) before it" }
            progress.inputBackward += 1
            progress.weightBackward += 1
        case .inputBackward:
            guard batch == progress.inputBackward else {
                return "backward of \(progress.inputBackward)"
            }
            guard batch < progress.forward else { return "forward of \(batch) before it" }
            progress.inputBackward += 1
        case .weightBackward:
            guard batch == progress.weightBackward else {
                return "the weights' part of backward of \(progress.weightBackward)"
            }
            guard batch < progress.inputBackward else {
                return "the input's part of backward of \(batch) before it"
            }
            progress.weightBackward += 1
        }
        return nil
    }

    /// The first pass that a virtual stage does not run, as a cell.
    private func missing(_ progress: Progress, _ stage: Int, _ microBatches: Int) -> String? {
        if progress.forward < microBatches { return "`\(stage)F\(progress.forward)`" }
        if progress.inputBackward < microBatches {
            return "`\(stage)B\(progress.inputBackward)`"
        }
        guard progress.weightBackward < microBatches else { return nil }
        return "`\(stage)W\(progress.weightBackward)`"
    }

    private func name(_ entry: ScheduleEntry, _ virtualStage: Int) -> String {
        "\(virtualStage)\(entry.pass.rawValue)\(entry.microBatch)"
    }

    /// Checks that no stage waits for ever.
    mutating func checkEnd(_ schedule: PipelineSchedule) {
        let timeline = ScheduleTimeline(schedule)
        guard let first = timeline.stuck.first else { return }
        let row = rows[first.stage]
        let reasons = timeline.stuck.map { stage, entry in
            let index = schedule.virtualStages.index(stage: stage, chunk: entry.chunk)
            let source = entry.pass == .forward ? index - 1 : index + 1
            let pass = entry.pass == .forward ? "forward" : "backward"
            return "stage \(stage) waits at `\(name(entry, index))` for \(pass) of "
                + "\(entry.microBatch) on virtual stage \(source), "
                + "which is stage \(schedule.virtualStages.stage(of: source))"
        }
        report(
            .deadlock, at: location(row, row.passes[timeline.spans[first.stage].count]),
            "stage \(first.stage) would wait for ever here",
            details: reasons.prefix(16) + (reasons.count > 16 ? ["…"] : []),
            expected: "an order in which the passes that others wait for come first")
    }
}
