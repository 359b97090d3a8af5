import ApusBase
import ApusPlan

/// What the model section alone says.
extension Quantities {
    func parameterCount(_ quantity: Quantity) -> Measure {
        let source = "definition: weights of the model section as it stands"
        func measure(_ count: Int, _ formula: String?) -> Measure {
            let sum = grouped(count)
            return Measure(count, why: formula.map { "\($0) = \(sum)" } ?? sum, source: source)
        }
        let count = model.parameterCount
        let hidden = model.hiddenSize
        let layers = "\(model.layerCount) layers"
        switch quantity {
        case .activeParameters:
            return measure(
                model.activeParameterCount,
                "\(grouped(count)) less the experts that a token does not pass, "
                    + "\(model.expertCount - model.topK) of \(model.expertCount) in each layer")
        case .attentionParameters:
            let kind = model.parameterCount(of: .attention)
            let width = 2 * (model.queryWidth + model.keyValueWidth)
            let formula = "\(layers) × \(width) (query, key, value, output) × hidden \(hidden)"
            return measure(kind, kind == model.layerCount * width * hidden ? formula : nil)
        case .expertParameters:
            let kind = model.parameterCount(of: .experts)
            let matrices = model.isGated ? 3 : 2
            let product =
                model.expertLayerCount * model.expertCount * matrices * hidden
                * model.expertHiddenSize
            let formula =
                "\(model.expertLayerCount) layers × \(model.expertCount) experts × \(matrices) "
                + "matrices × \(hidden) × \(model.expertHiddenSize)"
            return measure(kind, kind == product ? formula : nil)
        case .routerParameters:
            let kind = model.parameterCount(of: .router)
            let formula =
                "\(model.expertLayerCount) layers × \(model.expertCount) experts × hidden \(hidden)"
            let product = model.expertLayerCount * model.expertCount * hidden
            return measure(kind, kind == product ? formula : nil)
        case .embeddingParameters:
            let kind = model.parameterCount(of: .embedding)
            let formula = "vocabulary \(grouped(model.vocabularySize)) × hidden \(hidden)"
            return measure(kind, kind == model.vocabularySize * hidden ? formula : nil)
        case .normParameters:
            return measure(model.parameterCount(of: .norms), nil)
        default:
            let parts = StoredParameter.Kind.allCases.compactMap { kind -> String? in
                let part = model.parameterCount(of: kind)
                return part == 0 ? nil : "\(kind.rawValue) \(grouped(part))"
            }
            return measure(count, "\(parts.joined(separator: " + "))\(assumptions)")
        }
    }

    /// What the count rests on that a document about the model may not name.
    private var assumptions: String {
        let ends = model.tiesEmbeddings ? "tied to the head" : "the head apart"
        let gated = model.hasExperts ? ", experts \(model.isGated ? "gated" : "ungated")" : ""
        return " (vocabulary \(grouped(model.vocabularySize)), \(ends)\(gated))"
    }

    var expertModules: Measure {
        let layers = model.expertLayerCount
        return Measure(
            layers * model.expertCount,
            why: "\(layers) layers × \(model.expertCount) experts = "
                + grouped(layers * model.expertCount),
            source: definition)
    }

    func flopsPerToken(_ quantity: Quantity, length: Int) -> Measure {
        let source = "definition: forward, matrix products, causal attention counted half"
        let flops = model.forwardFLOPsPerToken(length: length)
        let hidden = model.hiddenSize
        switch quantity {
        case .attentionFLOPs:
            let weights = 2 * (model.queryWidth + model.keyValueWidth) * hidden
            let simple =
                Double(model.layerCount)
                * (2 * Double(weights) + 2 * Double(length) * Double(model.queryWidth))
            let formula =
                "\(model.layerCount) layers × (2 × \(grouped(weights)) weights + "
                + "4 × \(length) tokens × \(model.queryWidth) ÷ 2) = "
            return Measure(
                flops.attention,
                why: (isNear(simple, flops.attention) ? formula : "") + count(flops.attention),
                source: source)
        case .expertFLOPs:
            let matrices = model.isGated ? 3 : 2
            let simple =
                Double(model.expertLayerCount) * Double(model.topK) * Double(2 * matrices)
                * Double(hidden) * Double(model.expertHiddenSize)
            let formula =
                "\(model.expertLayerCount) layers × \(model.topK) of \(model.expertCount) experts "
                + "× 2 × \(matrices) × \(hidden) × \(model.expertHiddenSize) = "
            return Measure(
                flops.experts,
                why: (isNear(simple, flops.experts) ? formula : "") + count(flops.experts),
                source: source)
        case .headFLOPs:
            return Measure(
                flops.head,
                why: "2 × hidden \(hidden) × vocabulary \(grouped(model.vocabularySize)) = "
                    + count(flops.head),
                source: source)
        default:
            let parts = [
                ("attention", flops.attention), ("experts", flops.experts),
                ("shared experts", flops.shared), ("dense layers", flops.dense),
                ("router", flops.router), ("head", flops.head),
            ]
            let sum = parts.filter { $0.1 > 0 }.map { "\($0.0) \(count($0.1))" }
            return Measure(
                flops.total, why: "\(sum.joined(separator: " + ")) = \(count(flops.total))",
                source: source)
        }
    }

    func tokensCeiling(length: Int) -> Measure {
        let source = "definition: peak ÷ training FLOPs per token"
        let precision = deployment.workload.precision
        guard let gpu = deployment.cluster?.gpu, let peak = gpu.peakTeraFLOPs[precision] else {
            return .unknown("the cluster names no peak rate for `\(precision.rawValue)`")
        }
        let bucket = deployment.plan?.bucket(forLength: length)
        let recompute = bucket?.recompute ?? .none
        let flops = model.trainingFLOPsPerToken(length: length, recompute: recompute)
        let forward = model.forwardFLOPsPerToken(length: length).total
        let ceiling = peak * 1e9 / flops
        let own = ownCeiling(length: length).map { "; by the claims' own FLOPs \($0)" } ?? ""
        return Measure(
            ceiling,
            why:
                "\(figure(peak)) TFLOP/s ÷ (\(figure(flops / forward)) × \(count(forward)) FLOPs) "
                + "= "
                + "\(significant(ceiling)) tokens/ms\(own)",
            source: source)
    }

    /// The peak rate over the FLOPs that the claims give a token, in words.
    private func ownCeiling(length: Int) -> String? {
        let claims = OwnFigures(deployment)
        guard let ceiling = claims.ceiling(at: length) else { return nil }
        return ceiling.why
    }

    var assignmentsKept: Measure {
        let routing = deployment.routing
        let factor = routing.capacityFactor
        let experts = model.expertCount
        guard model.hasExperts else { return .unknown("the model has no experts") }
        switch routing.capacity {
        case .dropless:
            return Measure(
                1, why: "`capacity: dropless` has room for every assignment", source: definition)
        case .perAssignment:
            return Measure(
                min(1, factor),
                why: "\(experts) experts × \(plain(factor)) × tokens × \(model.topK) ÷ \(experts) "
                    + "slots ÷ (tokens × \(model.topK) assignments) = \(plain(factor)), at most 1",
                source: "Lepikhin et al. 2021 (GShard), §2.2, expert capacity")
        case .perToken:
            let share = factor / Double(model.topK)
            return Measure(
                min(1, share),
                why: "\(experts) experts × \(plain(factor)) × tokens ÷ \(experts) slots ÷ "
                    + "(tokens × \(model.topK) assignments) = \(significant(share)), at most 1",
                source: "Fedus et al. 2022 (Switch), eq. 3, capacity of a top-1 router")
        }
    }
}

/// Whether two values are the same up to rounding.
func isNear(_ left: Double, _ right: Double, within share: Double = 1e-9) -> Bool {
    (left - right).magnitude <= share * max(left.magnitude, right.magnitude)
}
