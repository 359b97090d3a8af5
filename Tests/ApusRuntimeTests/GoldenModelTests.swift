import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram
import Testing

@testable import ApusRuntime

/// The one-rank model against Hugging Face's `MixtralForCausalLM` with the same weights.
@Suite("The model is the Mixtral of transformers", .enabled(if: LayoutEquivalenceTests.hasEngine))
struct GoldenModelTests {
    static let names = ["mixtral-untied", "mixtral-tied"]

    @Test("in its logits, within 1e-4", arguments: names)
    func logits(name: String) throws {
        let golden = try GoldenRun(name)
        let logits = try golden.logits()
        let expected = try golden.file.floats("logits").values
        #expect(logits.count == expected.count)
        let distance = zip(logits, expected).map { abs($0 - $1) }.max()
        #expect(try #require(distance) < 1e-4)
    }

    @Test("in its choice of experts, exactly", arguments: names)
    func experts(name: String) throws {
        let golden = try GoldenRun(name)
        _ = try golden.logits()
        for layer in 0..<golden.model.layerCount {
            let expected = try golden.file.integers("layers.\(layer).experts").values
            let topK = golden.model.topK
            #expect(
                golden.chosen[layer].sortedChoices(topK)
                    == expected.map { Int($0) }.sortedChoices(topK))
        }
    }

    @Test("in its loss and gradients, within 1e-4", arguments: names)
    func gradients(name: String) throws {
        let golden = try GoldenRun(name)
        let record = try golden.step()
        let loss = try golden.file.floats("loss").values[0]
        #expect(abs(record.loss - Double(loss)) < 1e-5)
        let gradients = try golden.runtime.parameters.pieces { try $0.gradient($1) }
        #expect(gradients.keys.sorted() == golden.file.weightNames.sorted())
        for (weight, values) in gradients {
            let expected = try golden.file.floats("grad.\(weight)").values
            #expect(greatestDistance([weight: values], [weight: expected]) < 1e-4, "\(weight)")
        }
    }
}

/// A one-rank run of a golden file's model on its weights and tokens.
private final class GoldenRun {
    let file: GoldenFile
    let model: Model
    let runtime: Runtime
    private(set) var chosen: [[Int]] = []
    private let inputs: [Int64]
    private let targets: [Int64]

    init(_ name: String) throws {
        file = try GoldenFile(named: name)
        model = Model(golden: file.config)
        let tokens = try file.integers("input_ids")
        let shape = tokens.shape
        inputs = tokens.values.map { Int64($0) }
        targets = try file.integers("targets").values.map { Int64($0) }
        let engine = try #require(try LocalJob.engine())
        let program = try compile(
            model: model, plan: Plan(degrees: Degrees(), buckets: []),
            shape: StepShape(
                sequenceLength: shape[1], sequencesPerMicroBatch: shape[0], microBatches: 1))
        let settings = RunSettings(gradientClip: 0, sequenceLength: shape[1])
        runtime = try Runtime(
            RankSetting(rank: Rank(0), model: model, program: program, settings: settings),
            engine: engine,
            meeting: Communicators.Meeting(
                store: try Store.inProcess(engine), host: "127.0.0.1", timeoutSeconds: 30))
        for parameter in runtime.parameters.parameters {
            let flat = try runtime.parameters.value(parameter.name)
                .detached(requiresGradient: false).view([parameter.count])
            for piece in parameter.pieces {
                let values = try file.floats(piece.name).values
                try flat.narrow(dimension: 0, start: piece.offset, count: piece.count)
                    .copy(from: try engine.tensor(values, shape: [piece.count]))
            }
        }
    }

    func step() throws -> StepRecord {
        try runtime.step(0) { _ in TokenBatch(inputs: inputs, targets: targets) }
    }

    /// The islands one after the other, without a program; `[tokens × vocab]`.
    func logits() throws -> [Float] {
        let (engine, islands) = (runtime.engine, runtime.islands)
        let tokens = try engine.tensor(inputs, shape: [inputs.count])
        var hidden = try islands.embedding(tokens: tokens, keepsState: false).outputs[0]
        for layer in 0..<model.layerCount {
            var decision: RoutingDecision?
            let attention = try islands.attention(
                layer: layer, hidden: hidden, keepsState: false, decision: &decision)
            let taken = try #require(decision)
            chosen.append(try taken.indices.integers().map { Int($0) })
            let experts = try islands.experts(
                layer: layer, rows: attention.outputs[1], keepsState: false, decision: taken)
            hidden =
                try islands.residual(
                    residual: attention.outputs[0], returned: experts.outputs[0],
                    weights: attention.outputs[2], keepsState: false, decision: taken
                ).outputs[0]
        }
        return try islands.logits(hidden: hidden).floats()
    }
}

extension [Int] {
    /// The choices of each token, without their order.
    fileprivate func sortedChoices(_ topK: Int) -> [[Int]] {
        stride(from: 0, to: count, by: topK).map { self[$0..<($0 + topK)].sorted() }
    }
}

extension Model {
    fileprivate init(golden config: GoldenFile.Config) {
        self.init(
            layerCount: config.num_hidden_layers, hiddenSize: config.hidden_size,
            headCount: config.num_attention_heads,
            keyValueHeadCount: config.num_key_value_heads, headDim: config.head_dim,
            expertCount: config.num_local_experts, topK: config.num_experts_per_tok,
            expertHiddenSize: config.intermediate_size, vocabularySize: config.vocab_size,
            tiesEmbeddings: config.tie_word_embeddings, rmsNormEpsilon: config.rms_norm_eps,
            ropeTheta: config.rope_theta)
    }
}
