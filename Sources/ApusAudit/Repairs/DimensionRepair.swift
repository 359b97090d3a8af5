import ApusPlan

/// The dimensions that a model would need to have the parameters claimed for it.
enum DimensionRepair {
    static func options(for audit: Audit, at length: Int) -> [Change] {
        let model = audit.deployment.model
        guard model.latentAttention == nil else { return [] }
        let attention = model.parameterCount(of: .attention)
        let experts = model.parameterCount(of: .experts)
        // What is not claimed grows with the whole.
        let growth =
            (audit.figures.number(.parameters) ?? Double(model.parameterCount))
            / Double(model.parameterCount)
        let attentionGoal =
            audit.figures.number(.attentionParameters) ?? Double(attention) * growth
        let expertGoal = audit.figures.number(.expertParameters) ?? Double(experts) * growth
        let scale = (attentionGoal / Double(max(1, attention))).squareRoot()
        // Rotary attention turns pairs of numbers.
        let headDim = even(Double(model.headDim) * scale)
        let hidden = Double(model.hiddenSize) * Double(headDim) / Double(model.headDim)
        guard hidden >= 1, hidden < 65_536, headDim <= 4096 else { return [] }
        let width = Int(hidden.rounded())
        let perWidth =
            Double(experts) / Double(max(1, model.expertHiddenSize))
            * Double(width) / Double(model.hiddenSize)
        let inner = perWidth > 0 ? expertGoal / perWidth : Double(model.expertHiddenSize)
        guard inner >= 1, inner < 262_144 else { return [] }
        let innerSize = max(1, Int((inner / 8).rounded()) * 8)
        var list = ChangeList(to: audit.deployment, at: length)
        list.add(
            "`hidden_size: \(width)`, `head_dim: \(headDim)`, `intermediate_size: \(innerSize)`"
        ) {
            $0.model.hiddenSize = width
            $0.model.headDim = headDim
            $0.model.expertHiddenSize = innerSize
        }
        return list.changes
    }

    private static func even(_ value: Double) -> Int {
        max(2, 2 * Int((min(value, 1e6) / 2).rounded()))
    }
}
