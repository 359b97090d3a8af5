"""Stands in for Megatron-LM's pretrain_gpt.py: reads its arguments as it does, and trains nothing.

GPUs of compute capability 9 and a recent Transformer Engine are feigned, since Megatron-LM asks for
both while it checks its arguments.
"""

import os
import typing

import typing_extensions

# Python 3.11 has no `typing.override` yet.
if not hasattr(typing, "override"):
    typing.override = typing_extensions.override

import torch

torch.cuda.get_device_capability = lambda *arguments: (9, 0)

from megatron.core.models.common.embeddings import rope_utils
from megatron.core.transformer import transformer_config
from megatron.training import arguments
from megatron.training.argument_utils import core_transformer_config_from_args


def is_recent(*arguments, **options):
    return True


transformer_config.is_te_min_version = is_recent
arguments.is_te_min_version = is_recent
arguments.get_device_arch_version = lambda: 9
rope_utils.fused_apply_rotary_pos_emb = is_recent

options = arguments.parse_args()
arguments.validate_args(options, {})
config = core_transformer_config_from_args(options)

world = options.world_size
layout = [
    options.tensor_model_parallel_size, options.pipeline_model_parallel_size,
    options.context_parallel_size, options.data_parallel_size,
]
product = 1
for degree in layout:
    product *= degree
assert product == world == int(os.environ["WORLD_SIZE"]), (layout, world)
stage = world // options.pipeline_model_parallel_size
assert stage % (config.expert_model_parallel_size * config.expert_tensor_parallel_size) == 0
step = options.micro_batch_size * options.data_parallel_size
assert options.global_batch_size % step == 0, (options.global_batch_size, step)
assert options.lr_warmup_iters < options.lr_decay_iters
if options.virtual_pipeline_model_parallel_size:
    assert options.global_batch_size // step % options.pipeline_model_parallel_size == 0
assert options.padded_vocab_size % options.tensor_model_parallel_size == 0
print(
    f"accepted: tensor, pipeline, context, data {layout}, expert "
    f"{config.expert_model_parallel_size}, micro-batches {options.global_batch_size // step}")
