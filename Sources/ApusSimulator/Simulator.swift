package import ApusCost

/// Prices a program, instruction by instruction.
package struct Simulator {
    package var step: Step
}
