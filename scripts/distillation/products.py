"""The time of a dense matrix product as a function of its shape; for scripts/distill-efficiency.

A model of tiles, waves and memory with a handful of constants per GPU and type, times a smooth
correction on a grid of shapes. `ProductModel` in Swift evaluates the same formula.
"""

import numpy
from scipy import sparse
from scipy.optimize import minimize

from . import data, smoothing, swift

# Rows and columns of the result that one block of threads computes.
TILES = [
    (64, 64), (64, 128), (128, 64), (128, 128), (64, 256), (256, 64), (128, 256), (256, 128),
    (256, 256)]
SPLITS = [1, 2, 4, 8]
# log2 of m, n and k.
GRIDS = [numpy.arange(7.0, 15.5), numpy.arange(8.0, 16.5), numpy.arange(8.0, 16.5)]
# A coarse grid for what changes where m is no multiple of 8, which some kernels do not like.
UNALIGNED_GRIDS = [grid[::4] for grid in GRIDS]
START = [3, 0.5, 0.5, 0.8, 3, 2, .3, .45, .45, .6, .6, .6, .75, .75, .8]
SCALE = 10_000


class Machine:
    def __init__(self, measurements, gpu, type):
        self.processors = data.PROCESSORS[gpu]
        self.rate = measurements.peak(gpu, type) / self.processors
        self.bandwidth = measurements.bandwidth(gpu)
        self.size = 1 if type == "fp8" else 2


def times(constants, shapes, machine):
    """Microseconds of each shape (columns m, n, k), before the correction."""
    m, n, k = shapes.T
    launch, prologue, smooth, share, power, split = constants[:6]
    moved = machine.size * (m * k + n * k) + 2 * m * n
    memory = moved / (machine.bandwidth * share)
    best = numpy.full(len(m), numpy.inf)
    for (rows, columns), efficiency in zip(TILES, constants[6:]):
        tiles = numpy.ceil(m / rows) * numpy.ceil(n / columns)
        for parts in SPLITS:
            even = tiles * parts / machine.processors
            waves = numpy.maximum(1, (1 - smooth) * numpy.ceil(even) + smooth * even)
            depth = numpy.maximum(64, k / parts)
            time = waves * (2 * rows * columns * depth / (efficiency * machine.rate) + prologue)
            if parts > 1:
                time = time + split + 4 * parts * m * n / machine.bandwidth
                # Once the processors are busy, splitting further gains nothing.
                time = numpy.where(even < 2, time, numpy.inf)
            best = numpy.minimum(best, time)
    return launch + (best**power + memory**power) ** (1 / power)


def decoded(vector):
    constants = numpy.exp(vector)
    constants[2] = 1 / (1 + numpy.exp(-vector[2]))
    constants[4] += 1
    # Tiles and splits that are never the best have no measurable constants.
    constants[5] = min(constants[5], 1000)
    constants[6:] = numpy.maximum(constants[6:], 0.01)
    return constants


def search(loss, vector, count):
    """Random steps along one axis at a time, longer after success; which tile is best jumps."""
    random = numpy.random.RandomState(0)
    least, steps = loss(vector), numpy.full(len(vector), 0.3)
    for _ in range(count):
        axis = random.randint(len(vector))
        other = vector.copy()
        other[axis] += random.randn() * steps[axis]
        if axis >= 6:
            other[axis] = min(other[axis], 0)
        value = loss(other)
        if value < least:
            vector, least = other, value
            steps[axis] = min(2, steps[axis] * 1.5)
        else:
            steps[axis] = max(0.005, steps[axis] * 0.93)
    return vector


def fit_constants(shapes, measured, machine):
    def loss(vector):
        excess = numpy.maximum(vector[6:], 0).sum()
        if excess > 0:
            return 1e3 + excess
        error = abs(numpy.log(times(decoded(vector), shapes, machine) / measured))
        return numpy.mean(numpy.where(error < 0.3, error, 0.15 + 0.5 * error))

    vector = numpy.log(START)
    vector[2] = 0
    vector[4] = numpy.log(2)
    vector = search(loss, vector, 3000)
    options = {"maxfev": 2000, "maxiter": 2000, "adaptive": True}
    vector = minimize(loss, vector, method="Nelder-Mead", options=options).x
    return numpy.round(decoded(vector) * SCALE) / SCALE


def matrices(shapes):
    points = numpy.log2(shapes)
    unaligned = sparse.diags((shapes[:, 0] % 8 != 0).astype(float))
    return [
        smoothing.basis(points, GRIDS), unaligned @ smoothing.basis(points, UNALIGNED_GRIDS)]


def fit(shapes, measured, machine):
    constants = fit_constants(shapes, measured, machine)
    residuals = numpy.log(measured / times(constants, shapes, machine))
    penalties = [
        smoothing.penalty(GRIDS, 0.05, 0.02), smoothing.penalty(UNALIGNED_GRIDS, 0.02, 0.2)]
    grids = smoothing.fit(matrices(shapes), penalties, residuals)
    knots = numpy.stack(numpy.meshgrid(*GRIDS, indexing="ij"), axis=-1).reshape(-1, 3)
    modelled = numpy.log(times(constants, 2**knots, machine))
    size = [len(grid) for grid in GRIDS]
    grids[0] = smoothing.rising((modelled + grids[0]).reshape(size)).ravel() - modelled
    return constants, [numpy.round(grid * 1000) / 1000 for grid in grids]


def predict(model, shapes, machine):
    constants, grids = model
    correction = sum(matrix @ grid for matrix, grid in zip(matrices(shapes), grids))
    return times(constants, shapes, machine) * numpy.exp(correction)


def report(name, shapes, measured, machine):
    fold = data.folds(len(measured))
    predicted = numpy.zeros(len(measured))
    for part in range(5):
        seen = fold != part
        model = fit(shapes[seen], measured[seen], machine)
        predicted[~seen] = predict(model, shapes[~seen], machine)
    big = 2 * shapes.prod(axis=1) >= 1e9
    median, high = data.errors(predicted[big], measured[big])
    print(f"product {name}: held-out error median {median:.1f} %, 90th percentile {high:.1f} %")


def coverage(shapes):
    """Per cell of (m, n), the bits of those cells of k with a measurement."""
    cells = [
        numpy.clip(numpy.floor(numpy.log2(shapes[:, axis]) - grid[0]), 0, len(grid) - 2)
        for axis, grid in enumerate(GRIDS)]
    bits = numpy.zeros((len(GRIDS[0]) - 1, len(GRIDS[1]) - 1), int)
    for m, n, k in zip(*[cell.astype(int) for cell in cells]):
        bits[m, n] |= 1 << k
    return bits.ravel()


def make(measurements, reports):
    rows = measurements.rows("kernel_gemm.csv")
    keys = sorted({(data.NAMES[row["gpu"]], data.TYPES[row["dtype"]]) for row in rows})
    for gpu, type in keys:
        table = numpy.array([
            [float(row[column]) for column in ("m", "n", "k", "time_ms")] for row in rows
            if data.NAMES[row["gpu"]] == gpu and data.TYPES[row["dtype"]] == type])
        shapes, measured = table[:, :3], table[:, 3] * 1e3
        machine = Machine(measurements, gpu, type)
        name = f"{gpu}{type.upper()}"
        if reports:
            report(name, shapes, measured, machine)
        constants, grids = fit(shapes, measured, machine)
        peak = measurements.peak(gpu, type)
        fastest = max(
            (2 * shapes.prod(axis=1) / measured).max(), measurements.rate_max(gpu, type)) / peak
        file = "MeasuredProducts+" + name[0].upper() + name[1:]
        numbers = numpy.round(numpy.append(constants, fastest) * SCALE)
        text = swift.header() + "\nextension MeasuredProducts {\n" + swift.integers(
            name + "Constants", numbers, "Constants, in ten-thousandths.") + "\n"
        text += swift.integers(
            name + "Corrections", numpy.round(grids[0] * 1000),
            "Logarithms of measured ÷ modelled time, in thousandths, by m, n, k.") + "\n"
        text += swift.integers(
            name + "Unaligned", numpy.round(grids[1] * 1000),
            "The same, to add where m is no multiple of 8.") + "\n"
        text += swift.integers(
            name + "Coverage", coverage(shapes), "Cells of k with measurements, by m, n.") + "}\n"
        yield file + ".swift", text
