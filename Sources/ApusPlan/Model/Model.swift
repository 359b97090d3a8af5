/// A decoder-only mixture-of-experts transformer of the Mixtral architecture.
///
/// RMSNorm, rotary attention with grouped key and value heads, and in each layer a router that
/// sends each token to `topK` gated experts. Keys of a file are those of a Hugging Face
/// `config.json`.
package struct Model: Hashable, Sendable {
    package var layerCount: Int
    package var hiddenSize: Int
    package var headCount: Int
    package var keyValueHeadCount: Int
    package var headDim: Int
    package var expertCount: Int
    package var topK: Int
    /// The inner size of one gated expert, which holds three matrices.
    package var expertHiddenSize: Int
    package var vocabularySize: Int
    package var tiesEmbeddings: Bool
    package var rmsNormEpsilon: Double
    package var ropeTheta: Double

    package init(
        layerCount: Int, hiddenSize: Int, headCount: Int, keyValueHeadCount: Int, headDim: Int,
        expertCount: Int, topK: Int, expertHiddenSize: Int, vocabularySize: Int,
        tiesEmbeddings: Bool, rmsNormEpsilon: Double = 1e-5, ropeTheta: Double = 1e6
    ) {
        self.layerCount = layerCount
        self.hiddenSize = hiddenSize
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headDim = headDim
        self.expertCount = expertCount
        self.topK = topK
        self.expertHiddenSize = expertHiddenSize
        self.vocabularySize = vocabularySize
        self.tiesEmbeddings = tiesEmbeddings
        self.rmsNormEpsilon = rmsNormEpsilon
        self.ropeTheta = ropeTheta
    }
}
