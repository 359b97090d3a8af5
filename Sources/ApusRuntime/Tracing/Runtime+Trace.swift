import ApusProgram
package import ApusTrace

extension Runtime {
    /// Keeps the trace of the last `stepCount` steps from now on.
    package func traceLast(_ stepCount: Int) {
        recorder = StepRecorder(stepCountMax: stepCount, program: setting.program)
    }

    /// This rank's part of the trace, where one is kept.
    package var trace: RankTrace? {
        recorder?.trace(rank: setting.rank, stage: program.stage)
    }
}
