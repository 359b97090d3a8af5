"""Prints the options that exported files may use, as Tests/Fixtures/export-options.tsv holds them.

One option a line: whose it is, its name, how many values it takes (`1` for one, `0` for none, `+`
for at least one), their type, and the choices where it has any. The versions are the packages' own.
"""

import argparse
import dataclasses
import inspect
import typing
from importlib.metadata import version

import typing_extensions

if not hasattr(typing, "override"):
    typing.override = typing_extensions.override

from deepspeed.module_inject.auto_ep_presets.base import AutoEPConfig
from deepspeed.moe.layer import MoE
from deepspeed.ops.adam import FusedAdam
from deepspeed.runtime import constants, lr_schedules
from deepspeed.runtime.pipe.module import PipelineModule
from deepspeed.runtime.precision_config import DeepSpeedBF16Config, DeepSpeedFP16Config
from deepspeed.runtime.tensor_parallel.config import TPTrainingConfig
from deepspeed.runtime.zero.config import DeepSpeedZeroConfig
from megatron.core import __version__ as megatron_version
from megatron.training.arguments import add_megatron_arguments
from torchtitan.config import ParallelismConfig, TrainingConfig


def show(*columns):
    print("\t".join(str(column) for column in columns))


def megatron():
    parser = add_megatron_arguments(argparse.ArgumentParser(allow_abbrev=False))
    for action in parser._actions:
        for flag in action.option_strings:
            if not flag.startswith("--") or flag == "--help":
                continue
            arity = "1" if action.nargs is None else action.nargs
            kind = getattr(action.type, "__name__", "") if action.type else ""
            choices = "|".join(getattr(c, "name", str(c)) for c in action.choices or ())
            show("megatron", flag, arity, kind, choices)


def deepspeed():
    top = {value for value in vars(constants).values() if isinstance(value, str)}
    extra = {"zero_optimization", "pipeline", "tensor_parallel", "expert_parallel", "data_types",
             "sequence_parallel_size"}
    for key in sorted(key for key in top | extra if key.isidentifier() and key == key.lower()):
        show("deepspeed", key)
    sections = {
        "zero_optimization": DeepSpeedZeroConfig.model_fields,
        "fp16": DeepSpeedFP16Config.model_fields, "bf16": DeepSpeedBF16Config.model_fields,
        "tensor_parallel": TPTrainingConfig.model_fields,
        "expert_parallel": {field.name for field in dataclasses.fields(AutoEPConfig)},
        "optimizer.params": set(inspect.signature(FusedAdam.__init__).parameters) | {"torch_adam"},
        "scheduler.params": inspect.signature(lr_schedules.WarmupCosineLR.__init__).parameters,
        "optimizer": {"type", "params"}, "scheduler": {"type", "params"},
        "data_types": {"grad_accum_dtype", "param_dtype", "buffer_dtype"},
        "pipeline": {"stages", "partition", "seed_layers", "activation_checkpoint_interval"},
    }
    for section, keys in sections.items():
        for key in sorted(set(keys) - {"self", "params" if section == "optimizer.params" else ""}):
            show("deepspeed", f"{section}.{key}")
    for name, call in (("moe", MoE.__init__), ("PipelineModule", PipelineModule.__init__)):
        for key in inspect.signature(call).parameters:
            if key not in ("self", "layers", "expert"):
                show("deepspeed", f"{name}({key})")


def torchtitan():
    for section, config in (("parallelism", ParallelismConfig), ("training", TrainingConfig)):
        for field in dataclasses.fields(config):
            choices = typing.get_args(field.type)
            values = [str(c) for c in choices if isinstance(c, str)]
            kind = getattr(field.type, "__name__", "") if not values else "str"
            show("torchtitan", f"{section}.{field.name}", "1", kind, "|".join(values))


print("# What the parsers of these packages know; made by scripts/export-checks/list_options.py:")
print(f"# megatron-core {megatron_version}, deepspeed {version('deepspeed')}, "
      f"torchtitan {version('torchtitan')}, from the Python package index.")
megatron()
deepspeed()
torchtitan()
