import ApusPlan

/// What the keys say that change only how a model computes.
extension Model {
    func variation(_ key: String) -> String? {
        variations.first { $0.key == key }?.value
    }

    /// Whether a token weighs its experts by their scores among all experts, not among the chosen.
    ///
    /// With a single expert there is nothing else to weigh by.
    var weighsByAllScores: Bool { topK == 1 || variation("norm_topk_prob") == "false" }

    func scoresBySigmoid(_ routing: Routing) -> Bool {
        movesBias(routing) || variation("scoring_func") == "sigmoid"
    }

    /// Whether experts are chosen with a bias that follows their loads.
    func movesBias(_ routing: Routing) -> Bool {
        routing.gate == .sigmoidBias || hasSelectionBias
    }
}
