package import ApusEngine
package import ApusProgram

extension Runtime {
    /// A runtime of another program on the same weights, gradients and optimizer states, such as
    /// that of another sequence length.
    ///
    /// Steps of both may be run in turn: a step leaves nothing behind but the weights. The meeting
    /// is the one of this runtime, since groups of the same ranks are used together.
    package func beside(
        _ program: Program, meeting: Communicators.Meeting
    ) throws(EngineError) -> Runtime {
        var setting = setting
        setting.program = program
        let own = program.programClass(of: setting.rank)
        precondition(own.chunks == self.program.chunks, "a rank keeps its layers")
        precondition(own.buckets == self.program.buckets, "gradients keep their places")
        return try Runtime(
            setting, engine: engine, meeting: meeting, parameters: parameters,
            sharing: communicators.joined)
    }
}
