"""Reads the measurement files; for scripts/distill-efficiency."""

import csv
import os

import numpy

# Streaming multiprocessors, from NVIDIA's architecture white papers.
PROCESSORS = {"a100": 108, "h100": 132, "h200": 132, "b200": 148, "l40s": 142}
NAMES = {
    "A100-80GB-SXM": "a100", "H100-80GB-SXM": "h100", "H200-SXM": "h200", "B200-SXM": "b200",
    "L40S": "l40s",
}
TYPES = {"bfloat16": "bf16", "fp8": "fp8"}


class Measurements:
    def __init__(self, folder):
        self.folder = folder
        self.gpus = {
            NAMES[row["gpu"]]: row for row in self.rows("gpus.csv") if row["gpu"] in NAMES}

    def rows(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def peak(self, gpu, type):
        """Peak dense rate in FLOP per microsecond."""
        return float(self.gpus[gpu][f"{type}_dense"]) * 1e6

    def bandwidth(self, gpu):
        """Memory bandwidth in bytes per microsecond."""
        return float(self.gpus[gpu]["hbm_bw_GBps"]) * 1e3

    def rate_max(self, gpu, type):
        """The highest measured rate of a product that a separate search found, or 0."""
        return float(self.gpus[gpu][f"mamf_{type}_tflops"] or 0) * 1e6

    def table(self, name, columns, **where):
        rows = [
            [float(row[column]) for column in columns] for row in self.rows(name)
            if all(row[key] == value for key, value in where.items())]
        return numpy.array(rows)


def folds(count, parts=5):
    """A fixed assignment of rows to folds."""
    return numpy.random.RandomState(1).permutation(count) % parts


def errors(predicted, measured):
    """Median and 90th percentile of the absolute relative error, in per cent."""
    error = 100 * abs(predicted / measured - 1)
    return numpy.median(error), numpy.percentile(error, 90)
