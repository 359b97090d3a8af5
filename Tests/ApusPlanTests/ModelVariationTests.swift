import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@Suite("Keys that change only arithmetic")
struct ModelVariationTests {
    @Test(
        "a key that changes the arithmetic is kept, and training would refuse it",
        arguments: [
            ("\"silu\"", "\"gelu\"", "hidden_act", "`\"gelu\"`", "`silu`"),
            (
                "\"attention_dropout\": 0.0", "\"attention_dropout\": 0.1", "attention_dropout",
                "`0.1`", "`0`"
            ),
            (
                "\"use_cache\": true", "\"attention_bias\": true", "attention_bias", "`true`",
                "`false`"
            ),
            (
                "\"use_cache\": true", "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.0}",
                "rope_scaling", "`{ type: \"yarn\", factor: 4.0 }`", "null"
            ),
            (
                "\"use_cache\": true",
                "\"rope_parameters\": {\"rope_type\": \"yarn\", \"rope_theta\": 5e5}",
                "rope_parameters", "`{ rope_type: \"yarn\", rope_theta: 5e5 }`",
                "`rope_type` `default`"
            ),
            (
                "\"use_cache\": true", "\"norm_topk_prob\": false", "norm_topk_prob", "`false`",
                "`true`"
            ),
        ])
    func keepsOtherArithmetic(
        old: String, new: String, key: String, value: String, expected: String
    ) throws {
        let text = ModelConfigTests.mixtral.replacing(old, with: new)
        let file = try readModelConfig(text: text, file: "config.json")
        #expect(file.notes == [])
        #expect(file.model.variations.map(\.key) == [key])
        var plain = file.model
        plain.variations = []
        #expect(plain == ModelConfigTests.mixtralModel)
        let refused = Deployment.small(model: file.model).unsupportedForTraining()
        #expect(
            refused.map(\.description) == [
                """
                error: `model.\(key)` is \(value), which the runtime does not execute yet  \
                [unsupported]
                  expected: \(expected)
                  hint: `--local` replaces it
                """
            ])
        #expect(Deployment.small(model: file.model).local().deployment.model == plain)
    }

    @Test("a sliding window is read, and training would refuse it")
    func readsWindow() throws {
        let text = ModelConfigTests.mixtral.replacing(
            "\"sliding_window\": null", with: "\"sliding_window\": 4096")
        let model = try readModelConfig(text: text, file: "config.json").model
        #expect(model.slidingWindow == 4096)
        #expect(model.windowedLayers == Array(0..<32))
        let deployment = Deployment.small(model: model)
        #expect(deployment.unsupportedForTraining().map(\.path) == ["model.sliding_window"])
        let (local, sentences) = deployment.local()
        #expect(local.model == ModelConfigTests.mixtralModel)
        #expect(
            sentences.contains(
                "sliding_window 4096 -> null: the runtime looks back to the start"))
    }

    @Test("training refuses them where they stand, in a config.json too")
    func placesRefusals() throws {
        let config = ModelConfigTests.mixtral.replacing("\"silu\"", with: "\"gelu\"")
        let rest = try #require(SmallFile.text.split(separator: "cluster:").last)
        let file = try SmallFile.read(
            "model: { config: a.json }\ncluster:\(rest)", others: ["plans/a.json": config])
        let refused = file.deployment.unsupportedForTraining(at: file.positions)
        #expect(
            refused.filter { $0.path == "model.hidden_act" }.map(\.location) == [
                Diagnostic.Location(file: "plans/a.json", line: 6, column: 3)
            ])
        let inline = SmallFile.text.replacing(
            "vocab_size: 512", with: "vocab_size: 512\n  hidden_act: gelu")
        let second = try SmallFile.read(inline)
        #expect(
            second.deployment.model.variations == [
                ModelVariation(key: "hidden_act", value: "gelu")
            ])
    }

    @Test("they are kept in a deployment's text, word for word")
    func readsBack() throws {
        let config = ModelConfigTests.mixtral.replacing(
            "\"use_cache\": true",
            with: #"""
                "quantization_config": {
                  "a \"b\": c": [1, 2.50, null, {}, [], true, "true", "1", ~, -3e-5],
                  "d": {"e": {"f": "\u00e9\n"}}
                }
                """#)
        let model = try readModelConfig(text: config, file: "config.json").model
        #expect(model.variations.map(\.key) == ["quantization_config"])
        let deployment = Deployment.small(model: model)
        #expect(try SmallFile.read(deployment.text()).deployment.model == model)
    }
}
