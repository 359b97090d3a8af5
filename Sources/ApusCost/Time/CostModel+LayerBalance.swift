import ApusBase
import ApusPlan

extension CostModel {
    /// The balance of a plan's stages over steps of several lengths, each with its weight.
    ///
    /// The steps differ in nothing that a split of layers depends on but their micro-batches.
    package func layerBalance(over steps: [(weight: Double, step: Step)]) -> LayerBalance {
        precondition(!steps.isEmpty, "a balance is for a step")
        let first = steps[0].step
        let parts = steps.map { weight, step in
            (
                scale: weight * Double(step.microBatches), costs: layerCosts(for: step),
                pricer: StagePricer(
                    message: boundaryMessage(of: step), chunks: step.plan.chunks,
                    implementation: step.implementation)
            )
        }
        return LayerBalance(first.plan.virtualStages, model: first.model) { layers in
            var load = LayerBalance.Load(total: 0, computation: 0)
            for part in parts {
                let run = part.pricer.cost(of: layers, part.costs).run
                load.total += part.scale * run.total.count
                load.computation += part.scale * (run.forwardCompute + run.backwardCompute).count
            }
            return load
        }
    }
}
