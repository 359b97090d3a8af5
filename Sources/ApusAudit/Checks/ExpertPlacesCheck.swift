import ApusBase
import ApusPlan

/// Whether the claimed experts on each GPU make places for all experts of the model.
struct ExpertPlacesCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        guard let plan = audit.deployment.plan,
            let claim = audit.figures.claim(.expertsPerGPU),
            let each = audit.figures.number(.expertsPerGPU)
        else { return [] }
        let model = audit.deployment.model
        let modules = model.expertLayerCount * model.expertCount
        let ranks = plan.degrees.worldSize / plan.degrees.expertTensor
        let layers = Double(model.expertLayerCount) / Double(plan.degrees.pipeline)
        let places = each * layers * Double(ranks)
        guard places < Double(modules) * (1 - Audit.tolerance) else { return [] }
        return [
            audit.problem(
                .claimsDisagree, audit.path(of: claim),
                "\(plain(each)) of a layer's experts on each GPU makes \(significant(places)) "
                    + "places for \(grouped(modules)) expert modules",
                details: [
                    "\(plain(each)) × \(significant(layers)) layers of a stage × \(ranks) GPUs = "
                        + "\(significant(places)); \(model.expertLayerCount) layers × "
                        + "\(model.expertCount) experts = \(grouped(modules))"
                ],
                expected: "\(significant(Double(modules) / layers / Double(ranks))) of a layer's "
                    + "experts on each GPU")
        ]
    }
}
