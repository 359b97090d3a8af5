"""The time of fused causal attention as a function of its shape; for scripts/distill-efficiency.

Blocks of 128 queries against all keys before them, shared out over the processors, plus a smooth
correction over sequence length and number of heads. `AttentionModel` in Swift evaluates the same.
"""

import numpy
from scipy.optimize import minimize

from . import data, smoothing, swift

BLOCK = 128
# log2 of the sequence length, and of sequences times heads.
GRIDS = [numpy.arange(8.0, 14.5), numpy.arange(0.0, 14.5, 2)]
START = [10, 200, 0.6, 0.8, 3, 0.5]
SCALE = 10_000
KERNELS = {
    "a100": "flash_attention", "h100": "fa3", "h200": "fa3", "b200": "trtllm_mha",
    "l40s": "flashinfer"}


class Machine:
    def __init__(self, measurements, gpu):
        self.processors = data.PROCESSORS[gpu]
        self.rate = measurements.peak(gpu, "bf16") / self.processors
        self.bandwidth = measurements.bandwidth(gpu)


def times(constants, shapes, machine):
    """Microseconds of each shape (columns sequences, length, heads, key heads, head dim)."""
    sequences, length, heads, key_heads, dim = shapes.T
    launch, overhead, efficiency, share, power, smooth = constants
    blocks = numpy.ceil(length / BLOCK)
    # Keys that all blocks of a head see, the half-empty blocks on the diagonal counted whole.
    keys = blocks * (blocks + 1) / 2 * BLOCK + overhead * blocks
    longest = blocks * BLOCK + overhead
    even = sequences * heads * keys / machine.processors
    compute = numpy.maximum(longest, even + smooth * longest)
    compute = compute * 4 * BLOCK * dim / (efficiency * machine.rate)
    moved = 4 * sequences * length * dim * (heads + key_heads)
    memory = moved / (machine.bandwidth * share)
    return launch + (compute**power + memory**power) ** (1 / power)


def decoded(vector):
    constants = numpy.exp(vector)
    constants[4] += 1
    return constants


def fit_constants(shapes, measured, machine):
    def loss(vector):
        error = abs(numpy.log(times(decoded(vector), shapes, machine) / measured))
        return numpy.mean(numpy.where(error < 0.3, error, 0.15 + 0.5 * error)) + max(0, vector[2])

    vector = numpy.log(START)
    vector[4] = numpy.log(2)
    for _ in range(3):
        options = {"maxfev": 800, "maxiter": 800, "adaptive": True}
        vector = minimize(loss, vector, method="Nelder-Mead", options=options).x
    return numpy.round(decoded(vector) * SCALE) / SCALE


def points(shapes):
    return numpy.stack(
        [numpy.log2(shapes[:, 1]), numpy.log2(shapes[:, 0] * shapes[:, 2])], axis=1)


def fit(shapes, measured, machine):
    constants = fit_constants(shapes, measured, machine)
    residuals = numpy.log(measured / times(constants, shapes, machine))
    [grid] = smoothing.fit(
        [smoothing.basis(points(shapes), GRIDS)], [smoothing.penalty(GRIDS, 0.05, 0.02)], residuals)
    return constants, numpy.round(grid * 1000) / 1000


def predict(model, shapes, machine):
    constants, grid = model
    correction = smoothing.basis(points(shapes), GRIDS) @ grid
    return times(constants, shapes, machine) * numpy.exp(correction)


def report(name, shapes, measured, machine):
    fold = data.folds(len(measured))
    predicted = numpy.zeros(len(measured))
    for part in range(5):
        seen = fold != part
        model = fit(shapes[seen], measured[seen], machine)
        predicted[~seen] = predict(model, shapes[~seen], machine)
    median, high = data.errors(predicted, measured)
    print(f"attention {name}: held-out error median {median:.1f} %, 90th percentile {high:.1f} %")


def narrow_heads(model, rows, gpu, machine):
    """The rate with heads of 64 over the rate with heads of 128, from long sequences."""
    table = shapes_and_times(
        [row for row in rows if row["head_dim"] == "64" and int(row["seq"]) >= 2048], gpu)
    if table is None or gpu == "l40s":  # There, another kernel ran with 64.
        return 0.9
    shapes, measured = table
    return numpy.median(predict(model, shapes, machine) / measured)


def shapes_and_times(rows, gpu):
    table = [
        [float(row[column]) for column in (
            "batch", "seq", "heads", "kv_heads", "head_dim", "time_ms")] for row in rows
        if data.NAMES[row["gpu"]] == gpu and row["kernel"] == KERNELS[gpu]]
    if not table:
        return None
    table = numpy.array(table)
    return table[:, :5], table[:, 5] * 1e3


def make(measurements, reports):
    rows = measurements.rows("kernel_attention.csv")
    text = swift.header() + "\nextension MeasuredAttention {\n"
    for gpu in KERNELS:
        shapes, measured = shapes_and_times(
            [row for row in rows if row["head_dim"] == "128"], gpu)
        machine = Machine(measurements, gpu)
        if reports:
            report(gpu, shapes, measured, machine)
        model = fit(shapes, measured, machine)
        numbers = numpy.append(model[0], narrow_heads(model, rows, gpu, machine))
        text += swift.integers(
            gpu + "Constants", numpy.round(numbers * SCALE), "Constants, in ten-thousandths.")
        text += "\n" + swift.integers(
            gpu + "Corrections", numpy.round(model[1] * 1000),
            "Logarithms of measured ÷ modelled time, in thousandths, by length and heads.") + "\n"
    yield "MeasuredAttention+Tables.swift", text.rstrip() + "\n}\n"
