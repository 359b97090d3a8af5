package import ApusProgram

extension Program {
    /// The names of all queues of the program, in the order in which instructions first use them.
    package var queueNames: [String] {
        var names: [String] = []
        var known: Set<Queue> = []
        for programClass in classes {
            for case .start(let transfer) in programClass.instructions
            where known.insert(transfer.queue).inserted {
                names.append(transfer.queue.name)
            }
        }
        return names
    }
}
