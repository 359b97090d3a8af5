import ApusEngine
import ApusPlan
import ApusProgram

/// The two ends of the model: token embedding, and head with loss.
extension Islands {
    /// Token indices `[tokens]` to hidden states `[tokens, hidden]`.
    func embedding(
        tokens: borrowing Tensor, keepsState: Bool
    ) throws(EngineError) -> IslandRun {
        try run(try TensorList(engine), keepsState: keepsState) { _ throws(EngineError) in
            let weight = try self.parameters.value(Model.embeddingName)
            var outputs = try TensorList(self.engine)
            try outputs.append(try weight.embedding(tokens))
            return outputs
        }
    }

    /// The sum of cross entropies of `[tokens, hidden]` against `targets` `[tokens]`, times
    /// `scale`.
    func head(
        hidden: consuming Tensor, targets: borrowing Tensor, scale: Double, keepsState: Bool
    ) throws(EngineError) -> IslandRun {
        var inputs = try TensorList(engine)
        try inputs.append(hidden)
        return try run(inputs, keepsState: keepsState) { leaves throws(EngineError) in
            let normed = try self.finalNorm(leaves[0])
            var outputs = try TensorList(self.engine)
            try outputs.append(
                try normed.headLoss(
                    try self.headWeight(), targets: targets, scale: scale,
                    chunks: HeadChunks(tokens: targets.elementCount, model: self.model).count))
            return outputs
        }
    }

    /// The scores of each vocabulary entry, `[tokens, hidden]` to `[tokens, vocab]`.
    func logits(hidden: borrowing Tensor) throws(EngineError) -> Tensor {
        try finalNorm(hidden).linear(try headWeight())
    }

    private func finalNorm(_ hidden: borrowing Tensor) throws(EngineError) -> Tensor {
        let weight = try parameters.value("model.norm.weight")
        return try hidden.rmsNorm(weight, epsilon: model.rmsNormEpsilon)
    }

    private func headWeight() throws(EngineError) -> Tensor {
        try parameters.value(model.tiesEmbeddings ? Model.embeddingName : "lm_head.weight")
    }
}
