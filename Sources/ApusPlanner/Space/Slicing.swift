package import ApusPlan

/// How a layer is cut within a pipeline stage: all that the price of its parts depends on besides
/// the micro-batch and where the ranks lie.
package struct Slicing: Hashable, Sendable {
    package var tensor: Int
    package var context: Int
    package var expert: Int
    package var expertTensor: Int

    package init(tensor: Int = 1, context: Int = 1, expert: Int = 1, expertTensor: Int = 1) {
        self.tensor = tensor
        self.context = context
        self.expert = expert
        self.expertTensor = expertTensor
    }

    package init(_ degrees: Degrees) {
        self.init(
            tensor: degrees.tensor, context: degrees.context, expert: degrees.expert,
            expertTensor: degrees.expertTensor)
    }

    package func degrees(pipeline: Int, data: Int) -> Degrees {
        Degrees(
            pipeline: pipeline, data: data, context: context, tensor: tensor, expert: expert,
            expertTensor: expertTensor)
    }
}
