"""Smooth corrections on a grid of logarithms; for distillation/products.py and its kin."""

import numpy
from scipy import sparse
from scipy.sparse import linalg


def basis(points, grids):
    """Multilinear interpolation of `points` (columns are coordinates) as a sparse matrix."""
    count = len(points)
    columns, values = [numpy.zeros(count, int)], [numpy.ones(count)]
    for axis, grid in enumerate(grids):
        x = numpy.clip(points[:, axis], grid[0], grid[-1])
        cell = numpy.clip(numpy.searchsorted(grid, x, side="right") - 1, 0, len(grid) - 2)
        part = (x - grid[cell]) / (grid[cell + 1] - grid[cell])
        corner = [(cell, 1 - part), (cell + 1, part)]
        columns, values = (
            [c * len(grid) + i for c in columns for i, _ in corner],
            [v * w for v in values for _, w in corner])
    rows = numpy.tile(numpy.arange(count), len(columns))
    shape = (count, int(numpy.prod([len(grid) for grid in grids])))
    return sparse.csr_matrix(
        (numpy.concatenate(values), (rows, numpy.concatenate(columns))), shape=shape)


def roughness(grids):
    """The sum of squared second differences along each axis."""
    total = 0
    for axis, _ in enumerate(grids):
        term = sparse.identity(1)
        for other, grid in enumerate(grids):
            size = len(grid)
            factor = sparse.identity(size)
            if other == axis:
                factor = sparse.diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(size - 2, size))
            term = sparse.kron(term, factor)
        total = total + term.T @ term
    return total


def fit(matrices, penalties, residuals):
    """The values of each grid, whose sum follows `residuals` with the least absolute deviation.

    Each grid has a matrix that interpolates in it and a penalty.
    """
    matrix = sparse.hstack(matrices).tocsr()
    penalty = sparse.block_diag(penalties)
    weights = numpy.ones(len(residuals))
    for _ in range(6):
        normal = matrix.T @ sparse.diags(weights) @ matrix + penalty
        values = linalg.spsolve(normal.tocsc(), matrix.T @ (weights * residuals))
        weights = 0.02 / numpy.maximum(abs(residuals - matrix @ values), 0.02)
    return numpy.split(values, numpy.cumsum([part.shape[1] for part in matrices])[:-1])


def penalty(grids, smoothness, ridge):
    rough = roughness(grids)
    return smoothness * rough + ridge * sparse.identity(rough.shape[0])


def rising(values):
    """Nearly the closest values that fall along no axis: a larger shape takes no less time.

    Kernels do break this rule, where a library picks a bad one for narrow shapes; a planner that
    took such dips at their word would chase them.
    """
    values = values.copy()
    for _ in range(50):
        for axis in range(values.ndim):
            lines = numpy.moveaxis(values, axis, -1)
            for index in numpy.ndindex(lines.shape[:-1]):
                lines[index] = pooled(lines[index])
    for axis in range(values.ndim):
        values = numpy.maximum.accumulate(values, axis=axis)
    return values


def pooled(line):
    """The closest line that does not fall (pool adjacent violators)."""
    means, counts = [], []
    for value in line:
        means.append(value)
        counts.append(1)
        while len(means) > 1 and means[-2] > means[-1]:
            count = counts[-2] + counts[-1]
            means[-2] = (means[-2] * counts[-2] + means[-1] * counts[-1]) / count
            counts[-2] = count
            del means[-1], counts[-1]
    return numpy.repeat(means, counts)
