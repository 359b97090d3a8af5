/// A pipeline schedule that a person wrote down, pass by pass, in a file of its own.
///
/// Only a complete one is read: each pass of each micro-batch once and in order, and no stage waits
/// for ever.
package struct WrittenSchedule: Hashable, Sendable {
    /// The path as the deployment names it.
    package let file: String
    package let schedule: PipelineSchedule

    package init(file: String, schedule: PipelineSchedule) {
        self.file = file
        self.schedule = schedule
    }
}
