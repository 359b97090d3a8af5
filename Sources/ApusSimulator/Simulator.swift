package import ApusBase
package import ApusCost
package import ApusProgram

/// What the second interpreter says of one step of a program.
package struct SimulatedStep: Hashable, Sendable {
    /// When the last rank is done.
    package var stepTime: Seconds
    /// Computation of one rank of each class.
    package var computation: [Seconds]
    /// When one rank of each class is done.
    package var finish: [Seconds]
}

/// Interprets a program in virtual time: it prices each instruction where the runtime performs it.
///
/// The ranks of a class run the same list in step, so one rank stands for all of them. A transfer
/// begins when every class that takes part has started it and its queue is free, and ends after its
/// time on the wire.
package struct Simulator {
    private let program: Program
    private let pricer: InstructionPricer

    package init(program: Program, step: Step, model: CostModel) {
        self.program = program
        pricer = InstructionPricer(program: program, step: step, model: model)
    }

    /// One step from its first instruction to the end of the slowest rank.
    ///
    /// The program has to be proven (`Program.verify`); one that deadlocks ends in a trap.
    package func run() -> SimulatedStep {
        var clocks = program.classes.map { _ in ClassClock() }
        var network = TransferBoard(program: program, pricer: pricer)
        var isMoving = true
        while isMoving {
            isMoving = false
            for index in clocks.indices {
                while advance(&clocks[index], class: index, &network) { isMoving = true }
            }
        }
        for (clock, programClass) in zip(clocks, program.classes) {
            precondition(clock.next == programClass.instructions.count, "a proven program ends")
        }
        return SimulatedStep(
            stepTime: clocks.map(\.now).max() ?? .zero, computation: clocks.map(\.computation),
            finish: clocks.map(\.now))
    }

    /// Runs one instruction of a class; `false` where it has to wait for another class, or is done.
    private func advance(
        _ clock: inout ClassClock, class index: Int, _ network: inout TransferBoard
    ) -> Bool {
        let programClass = program.classes[index]
        guard clock.next < programClass.instructions.count else { return false }
        let instruction = programClass.instructions[clock.next]
        switch instruction {
        case .start(let transfer):
            network.start(transfer, class: index, at: clock.now)
        case .wait(let id):
            guard let end = network.end(of: id, class: index) else { return false }
            clock.now = max(clock.now, end)
        case .forward, .backward, .weightBackward, .zeroGradients, .optimizerStep, .gradientNorm,
            .free:
            let time = pricer.computation(instruction, of: programClass)
            clock.now += time
            clock.computation += time
        }
        clock.next += 1
        return true
    }
}

private struct ClassClock {
    var next = 0
    var now = Seconds.zero
    var computation = Seconds.zero
}
