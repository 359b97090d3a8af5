package import ApusCost

/// Searches the strategies of a model on a cluster.
package struct Planner {
    package var step: Step
}
