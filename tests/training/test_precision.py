"""Which precision is chosen: by the processor's own list of its units, or by a convolution that is timed."""

import dataclasses

import pytest

from coursework.config.presets import PRESETS
from coursework.training import precision
from coursework.training.run import Run

AUTO = PRESETS["gan"].with_setting("precision", "auto")
CPUINFO = "processor\t: 0\nflags\t\t: fpu sse2 {}\n\nprocessor\t: 1\nflags\t\t: fpu sse2 {}\n"


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16"])
def test_the_units_are_read_from_the_processor_s_flags(tmp_path, flag, monkeypatch):
    monkeypatch.setattr("keras.distribution.list_devices", lambda kind: [])
    file = tmp_path / "cpuinfo"
    file.write_text(CPUINFO.format(flag, flag))
    assert precision.bfloat16_units(file) is True
    file.write_text(CPUINFO.format("avx512f", "avx512f"))
    assert precision.bfloat16_units(file) is False
    file.write_text("processor: 0\n")
    assert precision.bfloat16_units(file) is None and precision.bfloat16_units(tmp_path / "none") is None
    monkeypatch.setattr("keras.distribution.list_devices", lambda kind: ["gpu:0"])
    assert precision.bfloat16_units(file) is None


@pytest.mark.parametrize(
    ("units", "seconds", "chosen"),
    [
        (True, {}, "mixed_bfloat16"),
        (False, {}, "float32"),
        (None, {"float32": 0.002, "bfloat16": 0.001}, "mixed_bfloat16"),
        (None, {"float32": 0.001, "bfloat16": 0.003}, "float32"),
    ],
)
def test_the_faster_precision_is_chosen_and_reported(units, seconds, chosen, monkeypatch):
    monkeypatch.setattr(precision, "bfloat16_units", lambda: units)
    monkeypatch.setattr(precision, "convolution_seconds", seconds.get)
    lines = []
    assert precision.with_precision(AUTO, report=lines.append) == dataclasses.replace(AUTO, precision=chosen)
    assert len(lines) == 1 and lines[0].startswith(f"precision: {chosen}, ")
    assert "2.00 ms, in bfloat16 1.00 ms" in lines[0] or seconds.get("bfloat16") != 0.001


def test_a_run_keeps_the_precision_that_it_began_with(tmp_path, monkeypatch):
    run = Run(tmp_path / "run")
    run.write_config(dataclasses.replace(AUTO, precision="mixed_bfloat16"))
    monkeypatch.setattr(precision, "faster_precision", lambda: pytest.fail("it was chosen before"))
    assert precision.with_precision(AUTO, run).precision == "mixed_bfloat16"


def test_bfloat16_without_units_warns(monkeypatch):
    config, lines = PRESETS["gan"].with_setting("precision", "mixed_bfloat16"), []
    for units in (True, None, False):
        monkeypatch.setattr(precision, "bfloat16_units", lambda units=units: units)
        assert precision.with_precision(config, report=lines.append) is config
    assert len(lines) == 1 and lines[0].startswith("warning: this processor has no bfloat16 units")


def test_a_convolution_is_timed_in_either_precision():
    assert all(0 < precision.convolution_seconds(dtype) < 10 for dtype in ("float32", "bfloat16"))
