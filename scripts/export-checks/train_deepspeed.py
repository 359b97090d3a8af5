"""Stands in for a training program of DeepSpeed: reads its part of the plan, and trains nothing."""

import argparse
import inspect
import json
import os
import re

import deepspeed
from apus_deepspeed import MODEL, PLANS, moe_arguments, pipeline_arguments, topology
from deepspeed.module_inject.auto_ep_config import validate_autoep_config
from deepspeed.moe.layer import MoE
from deepspeed.runtime import config as runtime_config
from deepspeed.runtime.config import DeepSpeedConfig
from deepspeed.runtime.pipe.dualpipev import DualPipeVModule
from deepspeed.runtime.pipe.module import PipelineModule

parser = deepspeed.add_config_arguments(argparse.ArgumentParser())
options = parser.parse_args()
assert options.deepspeed
path = options.deepspeed_config
length = re.search(r"-(\d+)\.json$", path).group(1)
plan = PLANS[length]
world = int(os.environ["WORLD_SIZE"])
with open(path) as file:
    text = json.load(file)
shares = text.get("sequence_parallel_size", 1)


class Ranks:
    """The sizes of the axes, as DeepSpeed asks a model for them."""

    def get_data_parallel_world_size(self):
        return plan["data"]


# Without a process group DeepSpeed takes the world for one rank, whatever the model says.
runtime_config.dist.get_rank = lambda: 0
config = DeepSpeedConfig(path, mpu=Ranks())
assert config.train_batch_size == (
    config.train_micro_batch_size_per_gpu * config.gradient_accumulation_steps * plan["data"])
assert topology(length).world_size() * shares == world, (plan, shares, world)
known = inspect.signature(MoE.__init__).parameters
if "moe" in plan:
    experts = moe_arguments(length)
    assert set(experts) <= set(known), experts
    assert plan["data"] % experts["ep_size"] == 0
    assert experts["num_experts"] % experts["ep_size"] == 0
elif "num_local_experts" in MODEL:
    validate_autoep_config(
        config.expert_parallel_config, world, 1, max(1, config.tensor_parallel_config.autotp_size),
        shares, zero_stage=config.zero_optimization_stage)
    assert config.expert_parallel_config.enabled
if plan["pipe"] > 1:
    classes = {"PipelineModule": PipelineModule, "DualPipeVModule": DualPipeVModule}
    known = inspect.signature(classes[plan["pipeline_class"]].__init__).parameters
    assert set(pipeline_arguments(length, "TransformerLayer")) <= set(known)
    assert config.zero_optimization_stage <= 1
axes = ", ".join(f"{axis} {plan[axis]}" for axis in plan["axes"])
print(f"accepted: {axes}, micro-batches {config.gradient_accumulation_steps}")
