/// One step of a rank's program.
///
/// Both interpreters switch over it without a default.
package enum Instruction: Hashable, Sendable {
    /// Clears the weights' gradients, first in each step.
    case zeroGradients
    case forward(Forward)
    case backward(Backward)
    /// Adds to the weights' gradients what a split backward left for later.
    case weightBackward(WeightBackward)
    /// Hands a transfer to its queue; the rank goes on.
    case start(Transfer)
    /// Waits until a transfer that was started is complete.
    case wait(Transfer.ID)
    /// Ends the life of a slot's value.
    case free(Slot)
    /// Squares and adds the gradients of each weight that this rank answers for.
    case gradientNorm
    /// Clips the gradients by the global norm and updates the weights.
    case optimizerStep
}
