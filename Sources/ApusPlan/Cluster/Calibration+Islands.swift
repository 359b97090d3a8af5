/// Islands of one model as the runtime performs them: computation between two communications, with
/// all that it takes beside its kernels.
extension Calibration {
    /// The sizes that make measured islands those of a model.
    package struct IslandModel: Hashable, Sendable {
        package var hiddenSize: Int
        package var headCount: Int
        package var keyValueHeadCount: Int
        package var headDim: Int
        package var expertCount: Int
        package var topK: Int
        package var expertHiddenSize: Int
        package var vocabularySize: Int
        /// The type of matrix products.
        package var type: Precision

        package init(
            hiddenSize: Int, headCount: Int, keyValueHeadCount: Int, headDim: Int,
            expertCount: Int, topK: Int, expertHiddenSize: Int, vocabularySize: Int,
            type: Precision
        ) {
            self.hiddenSize = hiddenSize
            self.headCount = headCount
            self.keyValueHeadCount = keyValueHeadCount
            self.headDim = headDim
            self.expertCount = expertCount
            self.topK = topK
            self.expertHiddenSize = expertHiddenSize
            self.vocabularySize = vocabularySize
            self.type = type
        }

        /// The sizes of a model whose layers are islands, or `nil` of another one.
        package init?(_ model: Model, type: Precision) {
            guard model.isComputedByIslands, model.windowedLayers.isEmpty,
                model.variations.isEmpty
            else { return nil }
            self.init(
                hiddenSize: model.hiddenSize, headCount: model.headCount,
                keyValueHeadCount: model.keyValueHeadCount, headDim: model.headDim,
                expertCount: model.expertCount, topK: model.topK,
                expertHiddenSize: model.expertHiddenSize, vocabularySize: model.vocabularySize,
                type: type)
        }
    }

    /// One island in one direction.
    package struct Island: Hashable, Sendable {
        package var kind: IslandKind
        package var pass: IslandPass
        /// Of the rank's micro-batch.
        package var sequences: Int
        package var length: Int
        /// Experts that the rank holds, which get an even share of the rows; only of experts.
        package var experts: Int?
        package var microseconds: Double
        package var spread: Double?

        package init(
            kind: IslandKind, pass: IslandPass, sequences: Int, length: Int, experts: Int? = nil,
            microseconds: Double, spread: Double? = nil
        ) {
            self.kind = kind
            self.pass = pass
            self.sequences = sequences
            self.length = length
            self.experts = experts
            self.microseconds = microseconds
            self.spread = spread
        }

        package var tokens: Int { sequences * length }

        /// What of an island was measured.
        package struct Key: Hashable, Sendable {
            package var kind: IslandKind
            package var pass: IslandPass

            package init(kind: IslandKind, pass: IslandPass) {
                self.kind = kind
                self.pass = pass
            }
        }

        package var key: Key { Key(kind: kind, pass: pass) }
    }

    /// The islands of a model without tensor parallelism.
    package enum IslandKind: String, Hashable, Sendable, CaseIterable {
        case embedding
        /// Attention with the router after it.
        case attention
        case experts
        case residual
        case head
    }

    package enum IslandPass: String, Hashable, Sendable, CaseIterable {
        case forward
        /// The whole of it.
        case backward
        /// Its two halves where it is split.
        case backwardInputs = "backward_inputs"
        case backwardWeights = "backward_weights"
    }
}
