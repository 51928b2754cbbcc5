"""Cached arrays: where they lie, when they are believed, which of them go first."""

import os
import tempfile
from pathlib import Path

import numpy
import pytest

from coursework.util import cache
from coursework.util.cache import cache_folder, kept_arrays, prune, read_arrays, temporary_cache, write_arrays


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


@pytest.fixture
def unwritable(tmp_path, monkeypatch):
    """Return a cache whose folder cannot be written, with a temporary folder that can."""
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("COURSEWORK_CACHE", str(tmp_path / "file" / "cache"))
    cache._warn.cache_clear()
    return cache_folder()


def test_what_the_cache_cannot_keep_is_kept_in_the_temporary_folder(unwritable, capsys):
    calls = []

    def compute():
        calls.append(1)
        return {"x": numpy.full(3, len(calls))}

    found = [int(kept_arrays("things", key, compute)["x"][0]) for key in (1, 2, 1, 2)]
    assert found == [1, 2, 1, 2] and len(calls) == 2
    assert len(list(temporary_cache().glob("things/*.npz"))) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"warning: cannot write the cache {unwritable}: using {temporary_cache()}; "
        "COURSEWORK_CACHE names another folder"
    ]
    prune(unwritable / "things", 0)
    assert not list(temporary_cache().rglob("*.npz"))


def test_a_temporary_cache_of_another_user_is_not_read(unwritable, monkeypatch):
    assert write_arrays(unwritable / "a.npz", {"x": numpy.zeros(1)})
    monkeypatch.setattr(os, "getuid", lambda: os.stat(unwritable.parent).st_uid + 1)
    temporary_cache().mkdir()
    assert read_arrays(unwritable / "a.npz") is None and not write_arrays(unwritable / "a.npz", {"x": numpy.zeros(1)})


def test_a_cache_that_can_only_be_read_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_CACHE", str(tmp_path))
    write_arrays(tmp_path / "a.npz", {"x": numpy.ones(1)})

    def refuse(*arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)
    assert read_arrays(tmp_path / "a.npz")["x"] == 1


def test_without_home_and_password_entry_there_is_a_cache(monkeypatch):
    for name in ("COURSEWORK_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    assert cache_folder() == temporary_cache() == Path(tempfile.gettempdir()) / f"coursework-cache-{os.getuid()}"


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
