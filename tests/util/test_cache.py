"""Cached arrays: where they lie, when they are believed, which of them go first."""

import os
from pathlib import Path

import numpy

from coursework.util.cache import cache_folder, kept_arrays, prune, read_arrays, write_arrays


def test_the_folder_follows_the_environment(monkeypatch):
    monkeypatch.setenv("HOME", "/home/student")
    monkeypatch.setenv("COURSEWORK_CACHE", "~/fast")
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch")
    assert cache_folder() == Path("/home/student/fast")
    monkeypatch.delenv("COURSEWORK_CACHE")
    assert cache_folder() == Path("/scratch/coursework")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path("/home/student/.cache/coursework")


def test_what_is_written_is_read_and_what_is_damaged_is_not(tmp_path):
    file = tmp_path / "deep" / "a.npz"
    assert read_arrays(file) is None
    arrays = {"x": numpy.arange(1000, dtype=numpy.float32), "y": numpy.ones((2, 3), numpy.uint8)}
    assert write_arrays(file, arrays)
    found = read_arrays(file)
    assert set(found) == {"x", "y"} and all(numpy.array_equal(found[name], arrays[name]) for name in arrays)
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[2000] ^= 1
    for damaged in (content[:-30], content[:500], b"", b"nothing", bytes(flipped)):
        file.write_bytes(damaged)
        assert read_arrays(file) is None
    numpy.savez(file, x=numpy.array([{}], dtype=object))
    assert read_arrays(file) is None


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "file").touch()
    assert not write_arrays(tmp_path / "file" / "a.npz", {"x": numpy.zeros(1)})


def test_what_was_longest_not_read_goes_first(tmp_path):
    for age, name in enumerate("abcd"):
        write_arrays(tmp_path / name / "x.npz", {"x": numpy.zeros(1000, numpy.uint8)})
        os.utime(tmp_path / name / "x.npz", (1000 - age, 1000 - age))
    size = (tmp_path / "a" / "x.npz").stat().st_size
    # The oldest by far, but read just now.
    read_arrays(tmp_path / "d" / "x.npz")
    prune(tmp_path, 4 * size)
    assert len(list(tmp_path.rglob("*.npz"))) == 4
    prune(tmp_path, 3 * size - 1)
    assert {file.parent.name for file in tmp_path.rglob("*.npz")} == {"a", "d"}
    prune(tmp_path, 0)
    assert not list(tmp_path.rglob("*.npz"))


def test_what_depends_on_equal_parts_is_computed_once(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_CACHE", str(tmp_path))
    calls = []

    def compute():
        calls.append(1)
        return {"x": numpy.full(3, len(calls))}

    assert [int(kept_arrays("things", key, compute)["x"][0]) for key in (("a", 1), ("a", 1), ("a", 2))] == [1, 1, 2]
    assert int(kept_arrays("things", ("a", 1), compute, cached=False)["x"][0]) == 3
    assert int(kept_arrays("others", ("a", 1), compute)["x"][0]) == 4
    assert sorted(file.parent.name for file in tmp_path.rglob("*.npz")) == ["others", "things", "things"]
