package import ApusBase
import ApusPlan

extension Program {
    /// Proves that the program does one step of training and runs to its end on every rank, or says
    /// where it would not.
    ///
    /// What is proven, in this order:
    /// - **Slots.** Each slot is written before it is read, left alone while a transfer uses it,
    ///   and free at the end.
    /// - **Contents.** Each instruction reads the values that the model's arithmetic needs there,
    ///   of the right layer and micro-batch; each transfer is as large as its slots or its bucket.
    /// - **Step.** Each island runs for each micro-batch; gradients are reduced when they are
    ///   complete and before they are measured; every send and receive that a neighbour needs is
    ///   there, once.
    /// - **Network.** Members of a group run the same collectives in the same order, and nobody
    ///   waits forever, on the hardest network: a send waits for its receiver, and each queue
    ///   handles its transfers one at a time in the order they were started.
    ///
    /// Where slots are unsound, nothing is said about contents, and so on: later proofs rest on the
    /// earlier ones.
    ///
    /// One rank stands for each class. The ranks of a class run the same instructions, so they
    /// cannot disagree about the order of collectives among themselves, and between stages each has
    /// its own partner. Nothing in a program chooses between transfers that are ready, so if one
    /// way of running it ends, every way does; the way in which the ranks of a class keep step is
    /// the one that is tried.
    ///
    /// Not proven, because a program does not hold the model: that planned sizes are right for it,
    /// and that its buckets hold all weights that need a reduction. `verify(for:)` proves the
    /// latter.
    package func verify() -> [Diagnostic] {
        let shapes = shapeProblems
        guard shapes.isEmpty else { return shapes }
        let lifetimes = classes.flatMap(SlotChecker.problems)
        guard lifetimes.isEmpty else { return lifetimes }
        let steps = classes.flatMap { programClass in
            ContentChecker.problems(programClass, in: self)
                + StepChecker.problems(programClass, in: self)
        }
        guard steps.isEmpty else { return steps }
        var machine = RendezvousMachine(self)
        return machine.run()
    }

    /// Whether there is a class for each stage, and the layers of the chunks follow each other.
    private var shapeProblems: [Diagnostic] {
        let shape = mesh.virtualStages
        guard classes.count == shape.stages else {
            return [
                Diagnostic(
                    .stepOrder,
                    problem: "the program has \(classes.count) classes for "
                        + "\(shape.stages) stages")
            ]
        }
        for (index, programClass) in classes.enumerated() {
            guard programClass.stage == Stage(index), programClass.chunks.count == shape.chunks
            else {
                return [
                    Diagnostic(
                        .stepOrder,
                        problem: "class \(index) is of stage \(programClass.stage) and has "
                            + "\(programClass.chunks.count) chunks",
                        expected: "stage \(index) and \(shape.chunks)")
                ]
            }
        }
        var next = 0
        for index in 0..<shape.count {
            let layers = classes[shape.stage(of: index)].chunks[shape.chunk(of: index)]
            guard layers.lowerBound == next else {
                return [
                    Diagnostic(
                        .stepOrder,
                        problem: "virtual stage \(index) starts at layer \(layers.lowerBound)",
                        expected: "layer \(next)")
                ]
            }
            next = layers.upperBound
        }
        return []
    }
}
