"""Which precision a machine trains faster in: float32, or mixed_bfloat16 where the processor has units for it."""

import dataclasses
import time
from pathlib import Path

import keras
from keras import ops

from coursework.config.schema import Config, Precision
from coursework.networks.backend import compiled
from coursework.training.run import Report, Run

# What /proc/cpuinfo calls such units, on processors of Intel and AMD and on those of Arm.
UNITS = {"avx512_bf16", "amx_bf16", "bf16"}
# Convolutions that are timed where the system does not name the units.
REPEATS = 5


def with_precision(config: Config, run: Run | None = None, report: Report = print) -> Config:
    """Return `config` with the precision "auto" replaced by that of `run`, or by what this machine does faster.

    Reports a choice, and warns of bfloat16 on a processor without units for it.
    """
    if config.precision == "auto":
        if run is not None and run.config_file.is_file():
            return dataclasses.replace(config, precision=run.read_config().precision)
        chosen, reason = faster_precision()
        report(f"precision: {chosen}, {reason}")
        return dataclasses.replace(config, precision=chosen)
    if config.precision == "mixed_bfloat16" and bfloat16_units() is False:
        report(
            "warning: this processor has no bfloat16 units, so mixed_bfloat16 is slower than float32: "
            "--set precision=auto chooses"
        )
    return config


def faster_precision() -> tuple[Precision, str]:
    """Return "float32" or "mixed_bfloat16", and the reason as text."""
    units = bfloat16_units()
    if units is not None:
        return ("mixed_bfloat16", "the processor has bfloat16 units") if units else ("float32", "no bfloat16 units")
    seconds = {dtype: convolution_seconds(dtype) for dtype in ("float32", "bfloat16")}
    faster = seconds["bfloat16"] < seconds["float32"]
    reason = f"a convolution takes {1e3 * seconds['float32']:.2f} ms, in bfloat16 {1e3 * seconds['bfloat16']:.2f} ms"
    return "mixed_bfloat16" if faster else "float32", reason


def bfloat16_units(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool | None:
    """Return whether the processor has bfloat16 units; None where it is not known, and where a GPU does the work."""
    if keras.distribution.list_devices("gpu"):
        return None
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    flags = [line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))]
    return bool(UNITS & set(flags[0])) if flags else None


def convolution_seconds(dtype: str) -> float:
    """Return the least time of a convolution (64, 16, 16, 128) by 3x3 kernels to 128 channels."""
    images, kernel = ops.ones((64, 16, 16, 128), dtype), ops.ones((3, 3, 128, 128), dtype)
    convolve = compiled(lambda inputs: ops.sum(ops.cast(ops.conv(inputs, kernel, padding="same"), "float32")))
    seconds = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        # Reading the result waits for a device that works asynchronously.
        float(convolve(images))
        seconds.append(time.perf_counter() - started)
    # The first call builds the graph.
    return min(seconds[1:])
