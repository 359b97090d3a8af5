"""Stands in for `torchtitan.train`: reads the configuration as it does, and trains nothing."""

import inspect
import os
import sys

import torch
from torch.distributed.pipelining.schedules import PipelineScheduleSingle, get_schedule_class
from torchtitan.config import ConfigManager
from torchtitan.distributed import ParallelDims

config = ConfigManager().parse_args(sys.argv[1:])
parallelism = config.parallelism
world = int(os.environ["WORLD_SIZE"])
ranks = ParallelDims.from_config(parallelism, world)
stage = ranks.dp_shard * ranks.cp * ranks.tp
assert stage % ranks.ep == 0, ranks

decoder = config.model_spec.model
decoder.update_from_config(config=config)
with torch.device("meta"):
    model = decoder.build()
model.verify_module_protocol()
count = sum(weight.numel() for weight in model.parameters())

# Biases that follow the experts' loads are no parameters there, but Apus counts DeepSeek's.
biases = sum(b.numel() for name, b in model.named_buffers() if name.endswith("expert_bias_E"))
module = sys.modules[next(name for name in sys.modules if name.startswith("apus_torchtitan"))]
expected = module.PARAMETERS
source = inspect.getsource(module)
if "`model.tie_word_embeddings" in source:
    expected += decoder.vocab_size * decoder.dim
if "`model.model_type" not in source:
    assert expected in (count, count + biases), (expected, count, biases)

batch = config.training.global_batch_size
local = config.training.local_batch_size * ranks.dp_replicate * ranks.dp_shard
assert batch % local == 0, (batch, local)
if ranks.pp > 1:
    parts = parallelism.module_fqns_per_model_part
    layers = [name for part in parts for name in part if name.startswith("layers.")]
    assert layers == [f"layers.{layer}" for layer in range(len(decoder.layers))], layers
    single = issubclass(
        get_schedule_class(parallelism.pipeline_parallel_schedule), PipelineScheduleSingle)
    assert len(parts) % ranks.pp == 0 and (len(parts) == ranks.pp) == single, parts
divisor = (ranks.tp if parallelism.enable_sequence_parallel else 1) * (
    2 * ranks.cp if ranks.cp > 1 else 1)
assert config.training.seq_len % divisor == 0
print(f"accepted: {count} parameters, {parallelism.pipeline_parallel_schedule}, {ranks.pp} × "
      f"{ranks.dp_replicate} × {ranks.dp_shard} × {ranks.cp} × {ranks.tp}, expert {ranks.ep}")
