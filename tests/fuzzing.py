"""Everything that reads files, and damaged files to give it: mutated, cut, oversized, made up.

`python tests/fuzzing.py --examples 10000` tries that many of each and prints a table; the tests try fewer.
"""

import argparse
import contextlib
import gzip
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy
from graph_writer import archive, graph
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from coursework import cache
from coursework.data import folder as folders
from coursework.data.array_files import read_array
from coursework.data.image_files import read_image
from coursework.errors import UserError
from coursework.files import sha256
from coursework.metrics.graph_file import constants
from coursework.metrics.inception_weights import read_graph
from coursework.presets import PRESETS
from coursework.run import Run

# Seconds that no damaged file may take; a reader that hangs would take for ever.
LONGEST = 20


def image(kind):
    stream = io.BytesIO()
    pixels = numpy.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=numpy.uint8)
    Image.fromarray(pixels).save(stream, format=kind)
    return stream.getvalue()


def npz(compressed=False, **arrays):
    stream = io.BytesIO()
    (numpy.savez_compressed if compressed else numpy.savez)(stream, **arrays)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    numpy.save(stream, array)
    return stream.getvalue()


def network():
    import keras

    with tempfile.TemporaryDirectory() as place:
        inputs = keras.Input((4, 4, 1))
        outputs = keras.layers.Dense(2, activation="tanh")(keras.layers.Flatten()(inputs))
        keras.Model(inputs, outputs).save(Path(place) / "x.keras")
        return (Path(place) / "x.keras").read_bytes()


class Variable:
    """What a state needs to know of a variable of a model."""

    def __init__(self, path, shape):
        self.path, self.shape, self.value = path, shape, numpy.zeros(shape, numpy.float32)

    def assign(self, value):
        self.value = numpy.broadcast_to(numpy.asarray(value, numpy.float32), self.shape)


class Model:
    """A model of one variable."""

    metrics = ()

    def __init__(self):
        self.variables = [Variable("dense/kernel", (3, 2))]

    def state_variables(self):
        return self.variables


def read_state(file):
    from coursework.state import load_state

    # Under a name that fits the content, so that what reads the content is reached.
    folder = file.parent / "backup"
    folder.mkdir()
    shutil.copy(file, folder / f"state-1.0-{sha256(file)}.npz")
    try:
        load_state(folder, Model())
    finally:
        shutil.rmtree(folder)


def read_network(file):
    from coursework.saving import load_network

    load_network(file)


def read_record(file):
    from coursework.metrics.judge import load

    load(file.parent)


def read_folder(file):
    """Read a data set one image of which is `file`."""
    root = file.parent / "set"
    for split in ("train", "test"):
        (root / split / "a<b>").mkdir(parents=True)
        shutil.copy(file, root / split / "a<b>" / "0.png")
    try:
        folders.load(root)
    finally:
        shutil.rmtree(root)


def read_chosen(file):
    from coursework.pegasus.choice import read_choice

    read_choice(file, [{"id": "a-1"}], "abc")


def latents():
    from coursework.pegasus.candidates import write_latents

    with tempfile.TemporaryDirectory() as place:
        write_latents(
            Path(place) / "x.npz", [{"z": numpy.ones(3, numpy.float32)}, {"z": numpy.zeros(3, numpy.float32)}]
        )
        return (Path(place) / "x.npz").read_bytes()


def read_kept_latents(file):
    from coursework.pegasus.candidates import read_latents

    read_latents(file)


def read_report_settings(file):
    from coursework.report.settings import read_settings

    read_settings(file)


def read_log(file):
    Run(file.parent).read_log()


def read_best(file):
    (file.parent / "best").mkdir(exist_ok=True)
    shutil.copy(file, file.parent / "best" / "score.json")
    Run(file.parent).read_best_score()


PIXELS = numpy.random.default_rng(1).integers(0, 256, (3, 4, 4, 3), dtype=numpy.uint8)
ENVIRONMENT = {
    "epochs_done": 2,
    "finished": True,
    "class_names": ["a", "b"],
    "incidents": [{"epoch": 1}],
    "seconds": 1.5,
}
RECORD = {
    "dataset": "animals",
    "fingerprint": "0" * 64,
    "class_names": ["a", "b"],
    "class_fingerprints": {"a": "1", "b": "2"},
    "width": 2,
    "epochs": 1,
    "seed": 0,
    "seconds": 1.0,
    "accuracy": 0.5,
    "sha256": "0" * 64,
}
GRAPH = graph({"x": numpy.arange(6, dtype="float32").reshape(2, 3), "y/z": numpy.float32(1.5)})

# {name: (file name, [valid contents], reader of the file)}
READERS = {
    "image": ("x.png", [image(kind) for kind in ("PNG", "JPEG", "BMP", "GIF", "WEBP")], read_image),
    "folder of images": ("x.png", [image("PNG"), image("JPEG")], read_folder),
    ".npz of images": (
        "x.npz",
        [npz(images=PIXELS), npz(True, images=PIXELS / 255), npz(x=PIXELS)],
        lambda file: read_array(file, "x.npz"),
    ),
    ".npy of images": ("x.npy", [npy(PIXELS), npy(PIXELS / 255)], lambda file: read_array(file, "x.npy")),
    "config.json": (
        "config.json",
        [PRESETS[name].to_json().encode() for name in ("gan", "vae", "acai")],
        lambda file: Run(file.parent).read_config(),
    ),
    "environment.json": (
        "environment.json",
        [json.dumps(ENVIRONMENT).encode()],
        lambda file: Run(file.parent).read_environment(),
    ),
    "metrics.json": (
        "metrics.json",
        [json.dumps([{"name": "fid", "value": 1.5, "n": 10}, {"name": "is", "value": None}]).encode()],
        lambda file: Run(file.parent).read_metrics(),
    ),
    "log.csv": ("log.csv", [b"epoch,loss,seconds\n1,0.5,2\n2,,3\n"], read_log),
    "best/score.json": ("score.json", [b'{"name": "fd_judge", "value": 2.5, "epoch": 3}'], read_best),
    "record of a judge": ("judge.json", [json.dumps(RECORD).encode()], read_record),
    "resume state": ("x.npz", [npz(**{"0000.kernel": numpy.ones((3, 2), numpy.float32)})], read_state),
    "network (.keras)": ("x.keras", [network], read_network),
    "frozen graph": ("x.pb", [GRAPH], lambda file: constants(file.read_bytes(), "x.pb")),
    "archive of a graph": ("x.tgz", [archive(GRAPH), gzip.decompress(archive(GRAPH))], read_graph),
    "choice of the gallery": (
        "choice.json",
        [json.dumps({"version": 1, "gallery": "abc", "id": "a-1"}).encode()],
        read_chosen,
    ),
    "latents of candidates": ("x.npz", [latents], read_kept_latents),
    "report.toml": ("report.toml", [b'title = "T"\nauthor = "A"\n[references]\nx = "y"\n'], read_report_settings),
    "cached arrays": ("x.npz", [npz(x=PIXELS)], cache.read_arrays),
}


@st.composite
def damaged(draw, contents):
    """Draw a damaged one of `contents`: cut, bytes changed, parts doubled, taken out or put in, or another file."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        kind = draw(st.sampled_from(["cut", "byte", "bit", "insert", "remove", "double", "number", "token"]))
        if kind == "cut":
            del content[place:]
        elif kind == "byte" and content:
            content[place] = draw(st.integers(0, 255))
        elif kind == "bit" and content:
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "insert":
            content[place:place] = draw(st.binary(max_size=64))
        elif kind == "remove":
            del content[place : place + draw(st.integers(1, 64))]
        elif kind == "double":
            part = content[place : place + draw(st.integers(1, 200))]
            content[place:place] = part * draw(st.integers(1, 50))
        elif kind == "number":
            width = draw(st.sampled_from([1, 2, 4, 8]))
            number = draw(st.sampled_from([0, 1, 2 ** (8 * width - 1) - 1, 2 ** (8 * width - 1), 2 ** (8 * width) - 1]))
            content[place : place + width] = number.to_bytes(width, draw(st.sampled_from(["little", "big"])))
        elif kind == "token":
            tokens = [b"null", b"NaN", b"-Infinity", b"1e999", b"[" * 3000, b'{"a":', b"9" * 5000, b"<script>", b"\x00"]
            content[place:place] = draw(st.sampled_from(tokens))
    return bytes(content)


class Hang(BaseException):
    """A reader took longer than `LONGEST` seconds."""


@contextlib.contextmanager
def no_longer_than(seconds):
    """Raise `Hang` in the block after so many seconds, where the system has alarms."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(number, frame):
        raise Hang(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def try_one(name, content, folder):
    """Give `content` to a reader; return "read" or "refused". Anything else that it does raises."""
    file_name, _, read = READERS[name]
    file = Path(folder) / file_name
    file.write_bytes(content)
    before = sorted(os.listdir(folder))
    with no_longer_than(LONGEST):
        try:
            read(file)
            outcome = "read"
        except UserError as error:
            assert str(error).strip(), "an empty message"
            outcome = "refused"
    left = [entry for entry in os.listdir(folder) if entry not in before and entry != "best"]
    assert not left, f"it left {left}"
    return outcome


def fuzz(name, examples, derandomize=True):
    """Try that many damaged files on a reader and return {"read": n, "refused": n}."""
    contents = [entry() if callable(entry) else entry for entry in READERS[name][1]]
    counts = {"read": 0, "refused": 0}
    with tempfile.TemporaryDirectory() as folder:
        for content in contents:
            assert try_one(name, content, folder) == "read" or name == "record of a judge", name

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=derandomize,
            suppress_health_check=list(HealthCheck),
        )
        @given(damaged(contents))
        def run(content):
            counts[try_one(name, content, folder)] += 1

        run()
    return counts


def zip_of(members, stored=True):
    """Return a zip archive of {name: content}."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=1000, help="damaged files for each reader (default 1000)")
    parser.add_argument("--only", choices=list(READERS))
    arguments = parser.parse_args()
    os.environ.setdefault("COURSEWORK_CACHE", tempfile.mkdtemp())
    print(f"{'reader':22} {'tried':>8} {'refused':>8} {'read':>8} {'other':>8} {'seconds':>8}")
    for name in [arguments.only] if arguments.only else READERS:
        started = time.perf_counter()
        counts = fuzz(name, arguments.examples, derandomize=False)
        tried, seconds = sum(counts.values()), time.perf_counter() - started
        print(f"{name:22} {tried:8} {counts['refused']:8} {counts['read']:8} {0:8} {seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()
