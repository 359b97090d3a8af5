package import ApusCost

/// Holds predictions against published measurements.
package struct Validation {
    package var step: Step
}
