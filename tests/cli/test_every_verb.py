"""Every verb: Ctrl-C leaves no broken file, and normal use prints results alone."""

import builtins
import contextlib
import csv
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy
import pytest
from conftest import environment, listen_to_interruptions
from PIL import Image
from tiny_verbs import COMMANDS, LIGHT, parse, prepare, shrink, shrink_data, verbs

from coursework.cli import main as cli
from coursework.util.errors import UserError
from coursework.util.files import TEMPORARY

# What `shrink` asks for does not reach into the data pipeline, and TensorFlow says so.
pytestmark = pytest.mark.filterwarnings("ignore:.*run_functions_eagerly:UserWarning")

# Verbs that take no more than seconds on nearly nothing.
FAST = LIGHT | {"sample", "evaluate", "metrics", "panel"}
# Of those that chain the others' work, as many interruptions are tried, and no end is waited for.
CHAINS = {"study": 3, "lesson": 3, "lines": 3, "pegasus-benchmark": 3, "demo": 3}
# What TensorFlow, Abseil, XLA and Keras print when nobody keeps them from it. This package's own "warning:" is none.
NOISE = re.compile(
    r"tensorflow/|onednn|absl|cuda|(?-i:Warning|WARNING)|deprecat|retracing|^[IWEF]\d{4} |^\d{4}-\d\d-\d\d ",
    re.IGNORECASE | re.MULTILINE,
)


def each_verb(fast):
    return [pytest.param(verb, marks=[] if verb in fast else [pytest.mark.slow]) for verb in COMMANDS]


def test_every_verb_is_tested_here():
    """A new verb needs its command lines in `tiny_verbs.COMMANDS`, which these tests run."""
    assert set(COMMANDS) == verbs()
    for verb, lines in COMMANDS.items():
        assert lines and all(line[0] == verb for line in lines)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Yield a folder with the inputs of all verbs; networks are tiny until the fixture ends."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COURSEWORK_CACHE", ".cache")
        shrink_data(patch)
        shrink(patch)
        prepare(folder)
        yield folder
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow

            tensorflow.config.run_functions_eagerly(False)


@pytest.fixture
def workplace(prepared, tmp_path, monkeypatch):
    """Return a copy of the prepared folder to work in."""
    folder = shutil.copytree(prepared, tmp_path / "work")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COURSEWORK_CACHE", ".cache")
    return folder


# Ctrl-C.


class Moments:
    """Counts the moments at which this process touches a file in `folder`, and interrupts it at the number `last`.

    Moments: after a file is opened, before one is flushed, and before and after one takes its name. A lock is none:
    what it guards is not its content.
    """

    def __init__(self, folder, last):
        self.folder = folder
        self.last = last
        self.count = 0

    def pass_one(self):
        self.count += 1
        if self.count == self.last:
            signal.raise_signal(signal.SIGINT)

    @contextlib.contextmanager
    def watched(self):
        """Count for as long as the block lasts; SIGINT does in it what it does in a process of a user's."""
        opened, flushed, renamed = io.open, os.fsync, os.replace

        def open_and_pass(file, *arguments, **options):
            result = opened(file, *arguments, **options)
            # Files from other people are opened by their descriptor.
            place = Path(os.readlink(f"/proc/self/fd/{file}") if isinstance(file, int) else os.fsdecode(file))
            if place.absolute().is_relative_to(self.folder) and not place.name.endswith("lock"):
                self.pass_one()
            return result

        def pass_and_flush(descriptor):
            self.pass_one()
            flushed(descriptor)

        def rename_and_pass(source, target):
            self.pass_one()
            renamed(source, target)
            self.pass_one()

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(io, "open", open_and_pass)
            patch.setattr(builtins, "open", open_and_pass)
            patch.setattr(os, "fsync", pass_and_flush)
            patch.setattr(os, "replace", rename_and_pass)
            try:
                yield self
            finally:
                signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("verb", each_verb(FAST))
def test_ctrl_c_leaves_no_broken_file_and_the_same_command_ends_well(verb, prepared, workplace, capfd):
    times = 0
    for line in COMMANDS[verb]:
        moment, limit = 1, CHAINS.get(verb, 100)
        while limit:
            with Moments(workplace, moment).watched() as moments:
                code = cli.main(line)
            errors = capfd.readouterr().err
            assert_sound(workplace, prepared)
            assert not list(workplace.parent.joinpath("temporary").iterdir())
            if moments.count < moment:
                assert code == 0 and not NOISE.search(errors), errors
                break
            assert code == 2, (line, moment, errors)
            assert_told(errors)
            moment, limit, times = 4 * moment, limit - 1, times + 1
    # The list of presets reads and writes no file.
    assert times >= 1 or verb == "presets"


def assert_told(errors):
    """Check that the last line says that the verb was interrupted, and that none is a traceback's."""
    *_, last = errors.splitlines()
    assert re.fullmatch("coursework: error: interrupted; .+", last), errors
    assert "Traceback" not in errors and "Exception ignored" not in errors


def assert_sound(folder, prepared):
    """Check that every file in `folder` that was not so in `prepared` is whole, and none a temporary one or a lock."""
    for file in folder.rglob("*"):
        assert not file.name.startswith(TEMPORARY) and not file.name.endswith("lock"), file
        before = prepared / file.relative_to(folder)
        if file.is_file() and not (before.is_file() and before.stat().st_mtime_ns == file.stat().st_mtime_ns):
            WHOLE[file.suffix](file)


def whole_picture(file):
    with Image.open(file) as picture:
        picture.load()


def whole_archive(file):
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None and archive.namelist()


def whole_array(file):
    with numpy.load(file, allow_pickle=False) as content:
        assert [content[name].shape for name in content.files]


def whole_table(file):
    with open(file, newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows and {len(row) for row in rows} == {len(rows[0])}, file


def whole_document(file):
    content = file.read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF"), file


def ends(file, last):
    assert file.read_text(encoding="utf-8").rstrip().endswith(last), file


def whole_text(file):
    assert file.read_text(encoding="utf-8").strip(), file


# {suffix: what refuses a file that is not whole}; a new kind of file takes its place here.
WHOLE = {
    **dict.fromkeys((".png", ".gif"), whole_picture),
    **dict.fromkeys((".keras", ".zip"), whole_archive),
    **dict.fromkeys((".md", ".txt", ".toml", ""), whole_text),
    ".npz": whole_array,
    ".json": lambda file: json.loads(file.read_text()),
    ".csv": whole_table,
    ".pdf": whole_document,
    ".html": lambda file: ends(file, "</html>"),
    ".svg": lambda file: ends(file, "</svg>"),
}

PROGRAM = "import sys; from coursework.cli.main import main; print('up', flush=True); sys.exit(main())"
LINES = {
    "train": ["train", "gan", "--dataset", "animals", "--run", "runs/long", "--epochs", "3", "--set=batch_size=32"],
    "evaluate": COMMANDS["evaluate"][0],
    "metrics": COMMANDS["metrics"][0],
}


@pytest.mark.slow
@pytest.mark.parametrize("verb", LINES)
def test_ctrl_c_at_any_time_in_a_process_of_its_own(verb, prepared, workplace):
    """Signals that the system sends, at drawn times from before Keras is imported to after the last file."""
    line = LINES[verb] + [text for text in COMMANDS["train"][0] if verb == "train" and text.startswith("--set=gen")]
    generator = random.Random(verb)
    for seconds in (generator.uniform(0, 2), generator.uniform(2, 8)):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *line],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=quiet_environment(),
            preexec_fn=listen_to_interruptions,
        )
        assert process.stdout.readline() == "up\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        # Python gives signals back to the system before it ends: one that comes later finds all done, and is silent.
        assert process.returncode in (0, 2) or (process.returncode, errors) == (-signal.SIGINT, ""), errors
        if process.returncode == 2:
            assert_told(errors)
        assert_sound(workplace, prepared)


# Quiet.


def quiet_environment():
    """Return the environment of a user, without the variable that silences TensorFlow."""
    variables = environment()
    variables.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return variables


def run(*line):
    """Run a verb in a process of its own, whose libraries start anew."""
    program = str(Path(__file__).parents[1] / "tiny_verbs.py")
    return subprocess.run(
        [sys.executable, program, *line], capture_output=True, text=True, timeout=300, env=quiet_environment()
    )


# A chain says what the verbs say that it calls.
@pytest.mark.parametrize("verb", [verb for verb in each_verb(LIGHT) if verb.values[0] not in CHAINS])
def test_normal_use_shows_results_and_nothing_else(verb, workplace):
    result = run(*COMMANDS[verb][0])
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() and not NOISE.search(result.stdout), result.stdout


@pytest.mark.slow
def test_debug_shows_what_the_libraries_say(workplace):
    result = run(*COMMANDS["train"][0], "--debug")
    assert result.returncode == 0 and NOISE.search(result.stderr)


@pytest.mark.parametrize("verb", COMMANDS)
def test_keras_is_imported_in_silence_unless_debug_is_asked_for(verb, workplace, refused, monkeypatch):
    def silenced():
        raise UserError("silenced")

    monkeypatch.setattr("coursework.util.quiet.silence", silenced)
    line = COMMANDS[verb][0]
    assert parse([*line, "--debug"]).debug and not parse(line).debug
    if verb not in LIGHT:
        assert refused(*line) == "silenced"


def test_what_is_noise_is_known():
    for line in (
        "2026-01-01 12:00:00.0: I tensorflow/core/util/port.cc:153] oneDNN custom operations are on.",
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "I0000 00:00:1.2 3 cpu_feature_guard.cc:227] This TensorFlow binary is optimized",
        "UserWarning: The structure of `inputs` doesn't match",
    ):
        assert NOISE.search(f"Epoch 1/1\n{line}\n")
    assert not NOISE.search("Epoch 1/1\n3/3 - 2s - 1s/step - loss: 0.5\n64 images in samples.png\n")
    assert not NOISE.search("warning: FD-judge (judge): 64 samples where 80 are wanted\n")


def test_the_benchmark_of_memory_measures_every_verb():
    from benchmarks.memory import commands

    lines = commands("cifar10", epochs=1, samples=50_000)
    assert {line[0] for line in lines.values()} == verbs()
    for line in lines.values():
        assert callable(parse(line).verb)
