import ApusBase
import ApusPlan

extension ProgramClass {
    /// The islands that a class has to run, for each micro-batch.
    func islands(in program: Program) -> [Island] {
        let isSliced = program.shape.tensorParallel > 1
        var result: [Island] = stage.index == 0 ? [.embedding] : []
        for layer in layers {
            result +=
                isSliced
                ? [.norm(layer: layer), .heads(layer: layer), .router(layer: layer)]
                : [.attention(layer: layer)]
            if !program.parts.isDense(layer) { result.append(.experts(layer: layer)) }
            if program.parts.hasFeedForward(layer) { result.append(.feedForward(layer: layer)) }
            result.append(.residual(layer: layer))
        }
        return stage == program.mesh.headStage ? result + [.head] : result
    }

    /// The islands that add to the gradients of a bucket, or `nil` where its weights have names
    /// that no model of Apus gives.
    func islands(of bucket: GradientBucket, parts: LayerParts) -> Set<Island>? {
        var result: Set<Island> = []
        for name in bucket.parameters {
            guard let islands = islands(of: name, parts) else { return nil }
            result.formUnion(islands)
        }
        return result
    }

    private func islands(of name: String, _ parts: LayerParts) -> Set<Island>? {
        let words = name.split(separator: ".")
        switch name {
        case Model.embeddingName, "transformer.wte.weight", "transformer.wpe.weight":
            return [.embedding, .head]
        case "lm_head.weight": return [.head]
        default: break
        }
        if words.starts(with: ["model", "norm"]) || words.starts(with: ["transformer", "ln_f"]) {
            return [.head]
        }
        guard words.count > 3,
            words.starts(with: ["model", "layers"])
                || words.starts(with: ["transformer", "h"]), let layer = Int(words[2])
        else { return nil }
        if words.contains("experts") { return [.experts(layer: layer)] }
        let isShared = words.contains { $0.hasPrefix("shared_expert") }
        if isShared || (words.contains("mlp") && parts.isDense(layer)) {
            return [.feedForward(layer: layer)]
        }
        return [
            .attention(layer: layer), .norm(layer: layer), .heads(layer: layer),
            .router(layer: layer),
        ]
    }
}
