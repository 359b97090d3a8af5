package import ApusSystem

/// The way from a rank to the supervisor that started it.
package struct SupervisorLink: Sendable {
    private let pipe: Descriptor

    /// Connects a rank that ``SupervisedJob`` started; a rank of another launcher has no link.
    ///
    /// From then on the process ends as soon as the supervisor does, whatever it is doing.
    package static func connect(
        _ environment: [String: String]
    ) throws(SystemError) -> SupervisorLink? {
        guard let report = environment["APUS_REPORT_FD"].flatMap({ Int32($0) }),
            let parent = environment["APUS_PARENT_FD"].flatMap({ Int32($0) })
        else { return nil }
        ignoreBrokenPipes()
        try ParentWatch.start(reading: .inherited(parent))
        return SupervisorLink(pipe: try .inherited(report))
    }

    /// A link that writes into a pipe.
    package init(pipe: Descriptor) { self.pipe = pipe }

    /// Tells the supervisor of progress or of a failure.
    package func report(_ report: RankReport) throws(SystemError) { try send(report.line) }

    /// Sends one line to whoever runs the job.
    package func send(_ line: String) throws(SystemError) {
        try pipe.write(Array(line.utf8) + [UInt8(ascii: "\n")])
    }
}
