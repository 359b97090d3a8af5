import ApusBase
import ApusCost
import ApusPlan

struct TokenFLOPs {
    var attention = 0.0
    var experts = 0.0
    var shared = 0.0
    var dense = 0.0
    var router = 0.0
    var head = 0.0
    var total: Double { attention + experts + shared + dense + router + head }
}

extension Model {
    func forwardFLOPsPerToken(length: Int) -> TokenFLOPs {
        let layers = Double(layerCount)
        let hidden = Double(hiddenSize)
        let projections = 2 * hidden * Double(2 * queryWidth + 2 * keyValueWidth)
        let scores = 2 * Double(length) * Double(queryWidth)
        return TokenFLOPs(
            attention: layers * (projections + scores),
            experts: layers * Double(6 * topK) * hidden * Double(expertHiddenSize),
            router: layers * 2 * hidden * Double(expertCount),
            head: 2 * hidden * Double(vocabularySize))
    }
    var activeParameterCount: Int {
        parameterCount - parameterCount(of: .experts) / max(1, expertCount) * (expertCount - topK)
    }
}

extension CostModel {
    func timeToFirstToken(of step: Step) -> Seconds { predict(step).stepTime }
}
