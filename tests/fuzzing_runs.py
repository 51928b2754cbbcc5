"""Run directories that somebody made: links, pipes, folders in the place of files, sizes that nobody has room for."""

import contextlib
import io
import json
import os
import signal
import zipfile
from pathlib import Path

import numpy
from hypothesis import strategies as st

from coursework.config.presets import PRESETS
from coursework.training.run import Run
from coursework.util.errors import UserError
from coursework.util.files import remove_leftovers
from coursework.util.locking import owned

# A state is read only if the name bears the checksum of its content, as that of nothing does.
STATE = "backup/state-1.0-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.npz"
PLACES = (
    *("config.json", "environment.json", "metrics.json", "log.csv", "lock", "metrics.lock", "generator.keras"),
    *("codes.npz", "best", "best/score.json", "best/generator.keras", "samples", "samples/0001.png", "backup", STATE),
    *("figures", ".coursework-abc.npz", "backup/.coursework-abc", "deep/er/file"),
)
KINDS = ("outside", "elsewhere", "inside", "dangling", "around", "pipe", "folder", "sparse", "empty", "shapes", "text")
# Seconds of the clock: a reader of a pipe takes none of the processor's.
LONGEST = 30


@st.composite
def plants(draw):
    """Draw {place in a run directory: kind of what lies there}, up to four."""
    return dict(draw(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(KINDS)), min_size=1, max_size=4)))


def hostile_shapes():
    """Return a small .npz file whose headers declare arrays of all sizes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number, (shape, kind) in enumerate([((10**9, 0), "<f4"), ((2**40,), "<f4"), ((10**9,), "|V0")]):
            header = io.BytesIO()
            numpy.lib.format.write_array_header_1_0(header, {"descr": kind, "fortran_order": False, "shape": shape})
            archive.writestr(f"{number}/indices.npy", header.getvalue())
    return stream.getvalue()


def plant(run, outside, place, kind):
    """Put something of a kind where a run directory keeps a file or a folder."""
    file = run / place
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.parent.resolve().is_relative_to(run.resolve()):
            # Behind a link that was planted before.
            return
        if kind in ("outside", "elsewhere", "inside", "dangling", "around"):
            targets = {"outside": outside / "diary.txt", "elsewhere": outside, "inside": run / "config.json"}
            file.symlink_to(targets.get(kind, file if kind == "around" else outside / "new"))
        elif kind == "pipe":
            os.mkfifo(file)
        elif kind == "folder":
            file.mkdir()
        else:
            file.write_bytes({"shapes": hostile_shapes(), "text": b"dear diary"}.get(kind, b""))
            if kind == "sparse":
                os.truncate(file, 300 * 2**20)


def use(folder):
    """Do with a run directory what verbs do; each step may be refused, as may the whole by a `UserError`."""
    from coursework.training.sampling import TrainedRun
    from coursework.training.state import load_state

    run = Run.existing(folder)
    run.read_config()
    steps = [
        run.read_environment,
        run.read_metrics,
        run.read_log,
        run.read_best_score,
        run.sample_files,
        run.has_weights,
        lambda: run.add_metrics([{"name": "fid", "value": 1.0}], ("name",)),
        lambda: _lock(run),
        lambda: run.write_environment({"finished": True}),
        lambda: run.write_best_score("fd_judge", 1.0, 1, "0"),
        lambda: TrainedRun(run).generator,
        lambda: TrainedRun(run, best=True).generator,
        lambda: load_state(run.backup, None, report=lambda line: None),
    ]
    for step in steps:
        try:
            step()
        except UserError as error:
            assert str(error).strip() and "\n" not in str(error)


def _lock(run):
    with owned(run.lock_file, "the run"):
        remove_leftovers(run.path)


class Hang(BaseException):
    """Something waits for what never comes."""


def try_run(planted, place):
    """Make a run directory in the empty folder `place`, use it, and return "used", or "refused" as a whole.

    Raises whatever else is raised, `Hang`, and `AssertionError` where anything outside has changed.
    """
    outside, folder = Path(place, "outside"), Path(place, "run")
    outside.mkdir()
    folder.mkdir()
    (outside / "diary.txt").write_text("dear diary")
    for name, kind in planted.items():
        plant(folder, outside, name, kind)
    if not os.path.lexists(folder / "config.json"):
        (folder / "config.json").write_text(PRESETS["vae"].to_json())

    def ring(number, frame):
        raise Hang(json.dumps(planted))

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LONGEST)
    try:
        use(folder)
        outcome = "used"
    except UserError:
        outcome = "refused"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert [file.name for file in outside.iterdir()] == ["diary.txt"], planted
    assert (outside / "diary.txt").read_text() == "dear diary", planted
    return outcome
