import ApusPlan

/// The Python function that builds the model from torchtitan's own blocks.
struct TorchTitanModel {
    let model: Model
    let routing: Routing

    enum Base { case qwen3, deepSeekV3, gptOSS }

    /// The model of torchtitan whose layers come closest.
    var base: Base {
        if model.latentAttention != nil { return .deepSeekV3 }
        return model.hasAttentionSinks && model.hasExperts ? .gptOSS : .qwen3
    }

    static let imports = [
        "from functools import partial",
        "",
        "import torch.nn as nn",
        "from torchtitan.components.loss import ChunkedLossWrapper, CrossEntropyLoss",
        "from torchtitan.components.optimizer import (",
        "    LRSchedulersContainer, OptimizersContainer, ParamGroupConfig,",
        "    register_moe_load_balancing_hook)",
        "from torchtitan.config import DebugConfig, ParallelismConfig, TrainingConfig",
        "from torchtitan.distributed.activation_checkpoint import FullAC, SelectiveAC",
        "from torchtitan.distributed.pipeline_parallel import pipeline_llm",
        "from torchtitan.hf_datasets.text_datasets import HuggingFaceTextDataLoader",
        "from torchtitan.models.common import ComplexRoPE, CosSinRoPE, Embedding, Linear, RMSNorm",
        "from torchtitan.models.common.config_utils import (",
        "    get_attention_config, make_ffn_config, make_gqa_config, make_moe_config,",
        "    make_routed_experts_config, make_router_config)",
        "from torchtitan.protocols.model_spec import ModelSpec",
        "from torchtitan.trainer import Trainer",
    ]

    var extraImports: [String] {
        switch base {
        case .qwen3:
            [
                "from torchtitan.models.qwen3 import parallelize_qwen3 as parallelize",
                "from torchtitan.models.qwen3.model import Qwen3Model as Decoder",
                "from torchtitan.models.qwen3.model import Qwen3TransformerBlock as Block",
            ]
        case .deepSeekV3:
            [
                "from torchtitan.models.deepseek_v3 import make_mla_attention_config",
                "from torchtitan.models.deepseek_v3 import parallelize_deepseekv3 as parallelize",
                "from torchtitan.models.deepseek_v3.model import DeepSeekV3Model as Decoder",
                "from torchtitan.models.deepseek_v3.model import "
                    + "DeepSeekV3TransformerBlock as Block",
            ]
        case .gptOSS:
            [
                "from torchtitan.models.gpt_oss import _make_gptoss_attn_config",
                "from torchtitan.models.gpt_oss import _make_gptoss_experts_config",
                "from torchtitan.models.gpt_oss import parallelize_gptoss as parallelize",
                "from torchtitan.models.gpt_oss.model import GptOssModel as Decoder",
                "from torchtitan.models.gpt_oss.model import GptOssTransformerBlock as Block",
                "from torchtitan.models.gpt_oss.moe import GptOssMoE",
            ]
        }
    }

    /// `stages`, which names the modules of each pipeline stage, and `model_spec`.
    var function: [String] {
        let width = base == .deepSeekV3 ? model.latentAttention?.rotaryHeadDim : model.headDim
        // Rotation by complex numbers turns neighbours, as DeepSeek's own code does.
        let rotation = base == .deepSeekV3 ? "ComplexRoPE" : "CosSinRoPE"
        let limit = model.learnedPositions ?? 1_048_576
        return [
            "# Of the deployment's model: layers as below, the head apart unless it is tied.",
            "PARAMETERS = \(model.parameterCount)", "", "",
        ] + Self.stages + [
            "", "",
            "def model_spec(tied):",
            "    init = {\"weight\": partial(nn.init.normal_, std=0.02), "
                + "\"bias\": nn.init.zeros_}",
            "    scale = {\"weight\": nn.init.ones_}",
            "    rope = \(rotation).Config(dim=\(width ?? model.headDim), max_seq_len=\(limit), "
                + "theta=\(plain(model.ropeTheta)))",
            "",
            "    def norm(size):",
            "        return RMSNorm.Config(normalized_shape=size, "
                + "eps=\(plain(model.rmsNormEpsilon)), param_init=scale)",
            "",
            "    dense = {\(model.hasExperts ? denseLayers : "*range(\(model.layerCount))")}",
            "    layers = []",
            "    for layer in range(\(model.layerCount)):",
        ] + attention.map { "        " + $0 } + feedForward.map { "        " + $0 } + [
            "        layers.append(Block.Config(attention=attention, attention_norm=norm("
                + "\(model.hiddenSize)),",
            "                                   ffn_norm=norm(\(model.hiddenSize)), **inner))",
        ] + assembly
    }

    private var denseLayers: String {
        model.denseLayers.isEmpty
            ? "*()" : model.denseLayers.map(String.init).joined(separator: ", ")
    }

    private var assembly: [String] {
        [
            "    decoder = Decoder.Config(",
            "        dim=\(model.hiddenSize), vocab_size=\(model.vocabularySize), "
                + "enable_weight_tying=tied,",
            "        tok_embeddings=Embedding.Config(num_embeddings=\(model.vocabularySize),",
            "            embedding_dim=\(model.hiddenSize), param_init=init),",
            "        norm=norm(\(model.hiddenSize)), layers=layers,",
            "        lm_head=Linear.Config(in_features=\(model.hiddenSize), "
                + "out_features=\(model.vocabularySize), param_init=init))",
            "    return ModelSpec(",
            "        name=\"apus\", flavor=\"apus\", model=decoder, parallelize_fn=parallelize,",
            "        pipelining_fn=pipeline_llm, state_dict_adapter=None,",
            "        post_optimizer_build_fn=\(hook))",
        ]
    }

    /// Whether a bias follows the experts' loads, in place of a loss or by the plan.
    var followsLoad: Bool { routing.balanceLoss > 0 || model.movesBias(routing) }

    /// The hook that moves the bias.
    private var hook: String {
        model.hasExperts && followsLoad ? "register_moe_load_balancing_hook" : "None"
    }

    private static let stages = [
        "def stages(counts):",
        "    parts, first = [], 0",
        "    for count in counts:",
        "        parts.append([f\"layers.{layer}\" for layer in range(first, first + count)])",
        "        first += count",
        "    parts[0].insert(0, \"tok_embeddings\")",
        "    parts[-1] += [\"norm\", \"lm_head\"]",
        "    return parts",
    ]

    private var attention: [String] {
        switch base {
        case .qwen3:
            let queryKeyNorm = model.queryKeyNorm == .none ? "None" : "norm(\(model.headDim))"
            let bias =
                model.hasQueryKeyValueBias ? ["attention.qkv_linear.wqkv.bias = True"] : []
            return [
                "attention = make_gqa_config(",
                "    dim=\(model.hiddenSize), n_heads=\(model.headCount), "
                    + "n_kv_heads=\(model.keyValueHeadCount), head_dim=\(model.headDim),",
                "    wqkv_param_init=init, wo_param_init=init, fuse_qkv=True, rope=rope,",
                "    inner_attention=get_attention_config(\"flex\"), qk_norm=\(queryKeyNorm))",
            ] + bias
        case .deepSeekV3:
            guard let latent = model.latentAttention else { return [] }
            return [
                "attention = make_mla_attention_config(",
                "    layer_id=layer, dim=\(model.hiddenSize), n_heads=\(model.headCount), "
                    + "q_lora_rank=\(latent.queryRank ?? 0),",
                "    kv_lora_rank=\(latent.keyValueRank), "
                    + "qk_nope_head_dim=\(latent.plainHeadDim), "
                    + "qk_rope_head_dim=\(latent.rotaryHeadDim),",
                "    v_head_dim=\(latent.valueHeadDim), attn_backend=\"flex\", linear_init=init, "
                    + "norm_init=scale,",
                "    depth_init=lambda layer: init, rope=rope)",
            ]
        case .gptOSS:
            let windowed = model.windowedLayers.map(String.init).joined(separator: ", ")
            let window = model.slidingWindow.map(String.init) ?? "None"
            return [
                "window = \(window) if layer in {*(), \(windowed)} else None",
                "attention = _make_gptoss_attn_config(",
                "    dim=\(model.hiddenSize), layer_id=layer, n_heads=\(model.headCount), "
                    + "n_kv_heads=\(model.keyValueHeadCount),",
                "    head_dim=\(model.headDim), sliding_window_size=window, "
                    + "attn_backend=\"flex\", rope=rope)",
            ]
        }
    }
}
