import ApusPlan
import ApusProgram
import Testing

@testable import ApusVerify

@Suite("A verdict names the first tensor that parts")
struct LayoutVerdictTests {
    private static let model = Model(
        layerCount: 1, hiddenSize: 2, headCount: 1, keyValueHeadCount: 1, headDim: 2,
        expertCount: 1, topK: 1, expertHiddenSize: 1, vocabularySize: 2, tiesEmbeddings: true)

    /// Every weight is one, and so is its gradient.
    private static var reference: Outcome {
        var outcome = Outcome(losses: [1, 2], gradientNorms: [[3, 4]])
        for parameter in model.parameters {
            for piece in parameter.pieces {
                outcome.gradients[piece.name] = Array(repeating: 1, count: piece.count)
                outcome.parameters[piece.name] = Array(repeating: 1, count: piece.count)
            }
        }
        return outcome
    }

    private func verdict(tensor: Int = 1, _ change: (inout Outcome) -> Void) -> LayoutVerdict {
        var outcome = Self.reference
        change(&outcome)
        let shape = StepShape(
            sequenceLength: 4, sequencesPerMicroBatch: 1, microBatches: 1, tensorParallel: tensor)
        let layout = Layout(
            name: "test", plan: Plan(degrees: Degrees(data: tensor), buckets: []),
            shapes: [shape])
        return LayoutVerdict(
            layout, model: Self.model, outcome: outcome, reference: Self.reference, seed: 1,
            tieDistance: 1, seconds: 1)
    }

    @Test("nothing differs")
    func passes() {
        let verdict = verdict { _ in }
        #expect(verdict.passes)
        #expect(verdict.isBitwise)
    }

    @Test("a gradient comes before the weights that it spoils, in the order of the model")
    func namesGradient() {
        let verdict = verdict { outcome in
            for name in outcome.gradients.keys where name.contains("layers.0") {
                outcome.gradients[name]?[0] += 0.1
                outcome.parameters[name]?[0] += 0.1
            }
        }
        let first = "model.layers.0.input_layernorm.weight"
        #expect(verdict.mismatch?.contains("the gradient of `\(first)`") == true)
        #expect(verdict.groups.first { $0.kind == .embedding }?.gradients == 0)
    }

    @Test("what slices may differ by, whole heads may not")
    func dependsOnSlices() {
        let change: (inout Outcome) -> Void = { outcome in
            outcome.gradients["model.norm.weight"] = [1.00003, 1.00003]
        }
        #expect(!verdict(tensor: 1, change).passes)
        #expect(verdict(tensor: 2, change).passes)
    }

    @Test("no wrong number passes")
    func refusesAll() {
        let name = "model.norm.weight"
        let changes: [(inout Outcome) -> Void] = [
            { $0.gradients[name] = [.nan, 1] }, { $0.gradients[name] = nil },
            { $0.parameters[name] = [1] }, { $0.parameters[name]?[0] = .infinity },
            { $0.losses[1] = 2.00001 }, { $0.losses[0] = .nan }, { $0.losses = [1] },
            { $0.gradientNorms.append([3, 4.0000000001]) }, { $0.gradientNorms = [] },
            { $0.gradientNorms[0][1] = 4.1 }, { $0.differingCopies = [name] },
        ]
        for (index, change) in changes.enumerated() {
            let verdict = verdict(change)
            #expect(!verdict.passes, "change \(index)")
            #expect(!verdict.passes || !verdict.isBitwise)
        }
    }
}
