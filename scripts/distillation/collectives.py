"""The time of a collective by size, inside one node; for scripts/distill-efficiency.

The message of a row is the collective's whole buffer in bytes: with that reading the bus bandwidth
of large messages lies below the link's and agrees with nccl-tests (222 GB/s for an all-reduce of
512 MiB over 8 A100 in both), and rows of 1-byte and 2-byte elements agree at equal bytes.
"""

import numpy

from . import swift

SYSTEMS = {
    "a100_sxm": "a100", "h100_sxm": "h100", "h200_sxm": "h200", "b200_sxm": "b200",
    "gb200": "gb200", "l40s": "l40s"}
COLLECTIVES = {
    "all_reduce": "allReduce", "reduce_scatter": "reduceScatter", "all_gather": "allGather",
    "alltoall": "allToAll"}
# log2 of bytes.
SIZES = range(9, 30)


def curve(rows):
    """Microseconds by size: the median of repeats, made to rise."""
    times = []
    for size in SIZES:
        repeats = [
            float(row["latency_us"]) for row in rows if int(row["message_bytes"]) == 1 << size]
        times.append(numpy.median(repeats))
    return numpy.maximum.accumulate(times)


def report(gpu, collective, curves):
    """How well every other size predicts the sizes between, from 64 KiB on."""
    sizes = numpy.array(SIZES)
    odd = (sizes % 2 == 0) & (sizes >= 16)
    error = []
    for times in curves:
        kept = ~(sizes % 2 == 0)
        predicted = numpy.exp(numpy.interp(sizes, sizes[kept], numpy.log(times[kept])))
        error += list(abs(predicted / times - 1)[odd])
    print(f"{collective} {gpu}: error between sizes median {100 * numpy.median(error):.1f} %")


def make(measurements, reports):
    rows = [
        row for row in measurements.rows("collectives.csv")
        if row["source_key"].startswith("aic-nccl") and row["dtype"] == "half"]
    text = swift.header() + "\nextension MeasuredCollectives {\n"
    for system, gpu in SYSTEMS.items():
        for key, collective in COLLECTIVES.items():
            ranks = sorted({
                int(row["gpus"]) for row in rows
                if row["system"] == system and row["collective"] == key})
            curves = [
                curve([
                    row for row in rows if row["system"] == system
                    and row["collective"] == key and int(row["gpus"]) == count])
                for count in ranks]
            if reports:
                report(gpu, collective, curves)
            values = numpy.round(numpy.concatenate(curves) * 100)
            name = gpu + collective[0].upper() + collective[1:]
            text += swift.integers(
                name, values,
                f"Hundredths of a microsecond for 2⁹ to 2²⁹ bytes, over {ranks} ranks.") + "\n"
    yield "MeasuredCollectives+Tables.swift", text.rstrip() + "\n}\n"
