import ApusPlan

/// The Python module from which a training program takes its part of the plan.
struct DeepSpeedModelCode {
    let settings: [DeepSpeedSettings]

    var text: String {
        let plans = settings.map {
            Literal.Entry(key: "\($0.job.sequenceLength)", value: plan($0))
        }
        let code = [
            Self.introduction,
            "MODEL = " + model.text(in: .python),
            "# By sequence length, in tokens.\nPLANS = " + Literal.object(plans).text(in: .python),
            "\n" + Self.functions,
        ]
        return code.joined(separator: "\n\n") + "\n"
    }

    private var model: Literal { settings.first?.job.model.literal ?? [:] }

    private func plan(_ settings: DeepSpeedSettings) -> Literal {
        let job = settings.job
        let isInnermost =
            job.plan.pipelinePlacement == .innermost && settings.hasPipeline
            && settings.allowsInnermost
        var plan: Literal = [
            "axes": isInnermost ? ["data", "model", "pipe"] : ["pipe", "data", "model"],
            "pipe": .integer(job.degrees.pipeline), "data": .integer(settings.dataRanks),
            "model": .integer(job.degrees.tensor),
            "pipeline_class": job.plan.schedule == .dualPipeV
                ? "DualPipeVModule" : "PipelineModule",
            "recompute": .text(job.bucket.recompute.rawValue), "seed": .integer(job.run.seed),
        ]
        if job.model.hasExperts, !settings.replacesExperts {
            plan.set("moe", moe(settings))
            plan.set("balance_loss", .number(job.routing.balanceLoss))
        }
        return plan
    }

    /// Arguments of `deepspeed.moe.layer.MoE`, whose capacity counts assignments: `tokens × top-k ÷
    /// experts × factor`, rounded up.
    ///
    /// Source: DeepSpeed 0.19.8, `deepspeed/moe/sharded_moe.py`, `top1gating` to `topkgating`.
    private func moe(_ settings: DeepSpeedSettings) -> Literal {
        let job = settings.job
        let routing = job.routing
        let isLimited = routing.capacity != .dropless
        let factor = routing.headroom(topK: job.model.topK) ?? 1
        return [
            "hidden_size": .integer(job.model.hiddenSize),
            "num_experts": .integer(job.model.expertCount),
            "ep_size": .integer(settings.expertRanks), "k": .integer(job.model.topK),
            "capacity_factor": .number(factor), "eval_capacity_factor": .number(factor),
            "min_capacity": 0, "drop_tokens": .flag(isLimited), "use_rts": false,
            "enable_expert_tensor_parallelism": .flag(
                job.degrees.expertTensor > 1 && job.degrees.expertTensor == job.degrees.tensor),
            "top2_2nd_expert_sampling": .flag(routing.gate == .gshardTop2),
        ]
    }

    private static let introduction = #"""
        """The training program's part of a plan that `apus export` wrote for DeepSpeed.

        With a pipeline (`pipe` above 1) the program builds its layers as

            PipelineModule(layers, loss_fn=..., **pipeline_arguments(length, "TransformerLayer"))

        and trains with `engine.train_batch()`; DualPipeVModule where `pipeline_class` says so.
        Experts of a layer whose plan has `moe` are

            MoE(expert=ExpertModule(), **moe_arguments(length))

        and `balance_loss` times the sum of the `l_aux` that these layers return is added to the
        loss. Parameters of the experts go into groups of their own:
        `deepspeed.moe.utils.split_params_into_different_moe_groups_for_optimizer`. Without `moe`
        the configuration replaces the experts of a Hugging Face model itself. Where `recompute` is
        `full` and there is no pipeline, the program checkpoints each layer.
        """
        """#

    private static let functions = #"""
        def topology(length):
            """The ranks as a grid; the last axis lies side by side."""
            from deepspeed.runtime.pipe.topology import ProcessTopology

            plan = PLANS[str(length)]
            return ProcessTopology(axes=plan["axes"], dims=[plan[axis] for axis in plan["axes"]])


        def pipeline_arguments(length, layer_class):
            """Arguments of the pipeline's class; stages share out the layers of that class."""
            return {
                "topology": topology(length),
                "partition_method": "type:" + layer_class,
                "activation_checkpoint_interval": int(PLANS[str(length)]["recompute"] == "full"),
                "base_seed": PLANS[str(length)]["seed"],
            }


        def moe_arguments(length):
            """Arguments of `deepspeed.moe.layer.MoE` beside the expert."""
            return dict(PLANS[str(length)]["moe"])
        """#
}
