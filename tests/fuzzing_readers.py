"""Everything that reads files: its name, valid contents, and a function that reads one."""

import contextlib
import functools
import gzip
import io
import json
import shutil
import tempfile
import types
import zipfile
from pathlib import Path

import numpy
from graph_writer import archive, graph
from PIL import Image
from report_runs import ENVIRONMENT as REPORTED_ENVIRONMENT
from report_runs import SCORE

from coursework.config.presets import PRESETS
from coursework.data import folder as folders
from coursework.data.array_files import read_array
from coursework.data.image_files import read_image
from coursework.data.mnist import read_idx
from coursework.extractors.inception.graph_file import constants
from coursework.extractors.inception.weights import read_graph
from coursework.training.run import Run
from coursework.util import cache
from coursework.util.files import sha256


def image(kind):
    stream = io.BytesIO()
    pixels = numpy.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=numpy.uint8)
    Image.fromarray(pixels).save(stream, format=kind)
    return stream.getvalue()


def turned():
    """Return a transparent image that its EXIF data turn."""
    stream, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    pixels = numpy.random.default_rng(0).integers(0, 256, (10, 12, 4), dtype=numpy.uint8)
    Image.fromarray(pixels).save(stream, format="PNG", exif=exif)
    return stream.getvalue()


def animated(kind):
    stream = io.BytesIO()
    frames = [Image.fromarray(PIXELS[index]) for index in range(3)]
    frames[0].save(stream, format=kind, save_all=True, append_images=frames[1:])
    return stream.getvalue()


def idx(array):
    """Return the bytes of an original file of MNIST."""
    header = bytes((0, 0, 8, array.ndim)) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return header + array.tobytes()


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
    from coursework.training.state import load_state

    # Under a name that fits the content, so that what reads the content is reached.
    folder = file.parent / "backup"
    folder.mkdir()
    shutil.copy(file, folder / f"state-1.0-{sha256(file)}.npz")
    try:
        load_state(folder, Model())
    finally:
        shutil.rmtree(folder)


def read_network(file):
    from coursework.networks.saving import load_network

    load_network(file)


def read_record(file):
    from coursework.extractors.judge import load

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


def read_flat_folder(file):
    """Read a folder without classes and splits one image of which is `file`."""
    root = file.parent / "flat"
    root.mkdir()
    Image.new("RGB", (10, 12), (1, 2, 3)).save(root / "1.png")
    shutil.copy(file, root / "0.png")
    try:
        folders.load(root)
    finally:
        shutil.rmtree(root)


def read_chosen(file):
    from coursework.pegasus.choice import read_choice

    read_choice(file, [{"id": "a-1"}], "abc")


def read_panel_answers(file):
    from coursework.pegasus.panel_answers import Key, read_answers, table_panel

    key = Key("mark", (("0" * 32, "batch", "rank 1"), ("1" * 32, "real horse", "test image 3")))
    table_panel(key, read_answers([file], key))


def read_panel_key(file):
    from coursework.pegasus.panel_answers import read_key

    read_key(file)


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


def read_prose(file):
    from coursework.report.prose import parse
    from coursework.util.files import read_text

    parse(read_text(file), ("pegasus",), lambda source, name: f"{source} {name}", "prose.md")


def gallery():
    from coursework.pegasus.gallery import write_gallery

    scores = {"recognisability": 0.5, "realism": 0.25, "uniqueness": 0.75, "overall": 0.5}
    name = {"strategy": "interpolation", "run": "gan", "seed": 0}
    records = [
        {"id": f"a-{index}", **name, "index": index, "rank": index + 1, "scores": scores, "second": None}
        for index in range(3)
    ]
    with tempfile.TemporaryDirectory() as place:
        write_gallery(Path(place) / "gallery.html", PIXELS, records, {7: PIXELS[0]}, "Candidates")
        return (Path(place) / "gallery.html").read_bytes()


def read_gallery_page(file):
    from coursework.pegasus.gallery_reading import read_gallery

    read_gallery(file)


def read_batch(file):
    from coursework.pegasus.batch_files import read_records

    read_records(file)


@contextlib.contextmanager
def in_place_of(file, content):
    """Let `file` hold `content` for the block, and afterwards what it held before, if it was there."""
    before = file.read_bytes() if file.is_file() else None
    file.write_bytes(content)
    try:
        yield
    finally:
        file.unlink() if before is None else file.write_bytes(before)


@functools.cache
def pool():
    """A pool of candidates, which the readers of its parts damage and mend."""
    from coursework.pegasus.candidates import Candidates
    from coursework.pegasus.pool_files import write_pool

    origins = [{"run": "gan", "strategy": "interpolation"}] * len(PIXELS)
    write_pool(PLACE / "pool", "key", Candidates(PIXELS, [{"z": numpy.ones(3, numpy.float32)}] * len(PIXELS), origins))
    return PLACE / "pool"


def read_pool_record(file):
    from coursework.pegasus.pool_files import read_pool

    with in_place_of(pool() / "pool.json", file.read_bytes()):
        read_pool(pool())


def read_pool_images(file):
    """Read a pool whose record is of these images: whoever makes one can make the other."""
    from coursework.pegasus.pool_files import read_pool

    record = json.loads((pool() / "pool.json").read_text())
    record["files"]["images.npz"] = sha256(file)
    with (
        in_place_of(pool() / "images.npz", file.read_bytes()),
        in_place_of(pool() / "pool.json", json.dumps(record).encode()),
    ):
        read_pool(pool())


def read_code_statistics(file):
    from coursework.training.sampling import TrainedRun

    run = types.SimpleNamespace(config=PRESETS["acai"], folder=file.parent, latent_shape=(2, 1, 2), _state=None)
    assert numpy.isfinite(TrainedRun.latents(run, 3, seed=0)).shape == (3, 2, 1, 2)


def read_witness(file):
    from coursework.pegasus.witness import load

    load(file.parent, "witness")


def read_codes(file):
    from coursework.studies.downstream import read_kept

    read_kept(file.parent)


def read_rings(file):
    from coursework.studies.rings.summary import recorded

    recorded(file.parent)


def read_report_image(file):
    from coursework.report.images import read_image

    read_image(file)


@functools.cache
def reported():
    """A run and a Pegasus for a report, which the readers of their parts damage and mend."""
    from report_runs import full_run, pegasus_folder

    run = full_run(PLACE, "full")
    pegasus_folder(PLACE / "pegasus")
    # What stands beside the damaged file.
    for folder in ("codes", "lines", "studies"):
        (PLACE / folder).mkdir()
    (PLACE / "studies" / "habits.csv").write_bytes(STUDY_TABLE)
    titles = "model,images,mean,spread,seeds,published,mean,spread,seeds,published"
    (PLACE / "lines" / "table.csv").write_text(f"{titles}\nlines-acai,64{',1' * 8}\n")
    return run


def in_the_report(place):
    """Return a reader that builds the report of a run and a Pegasus, of which `place` is the damaged file."""

    def read(file):
        from coursework.report.building import stage

        run = reported()
        with in_place_of(PLACE / place, file.read_bytes()), tempfile.TemporaryDirectory() as staged:
            stage([run], staged, PLACE)

    return read


# What readers of whole folders work in; removed with the process.
KEPT = tempfile.TemporaryDirectory(prefix="coursework-fuzzing-")
PLACE = Path(KEPT.name)

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

PROSE = """# Pegasus <!-- a note -->

A horse with **two *wings*** [@sngan; @acai], see [#curves] and [the page](https://example.org): {final: fd_judge} \\*.

> DRAFT: a _quotation_ with `code`

- one
- two
1. first

{{pegasus}}
"""
BATCH = [{"id": "a", "origin": {"run": "gan", "strategy": "interpolation", "weights": "last", "seed": 1}}]
WITNESS = {"role": "witness", "judge_sha256": "", "presence_auc": 0.5, "unity_auc": 0.5, "calibration_error": 0.1}
COMPARISON = {
    "dataset_fingerprint": "0123",
    "body": "horse",
    "wings": ["bird", "airplane"],
    "candidates": 70,
    "weights": {"full": "0123"},
    "rows": [{"name": "interpolation", "run": "full", "candidates": 70, "scores": {"overall": 0.5}}],
}
LOG = b"epoch,discriminator_loss,generator_loss,fd_judge\n1,1.0,1.2,60\n2,0.9,1.3,50\n"
ACCURACY = {"value": 0.5, "error": 0.01, "untrained": 0.4, "n": 10, "code_size": 256, "published": None}
CODES = [
    {"run": "acai", "dataset": "cifar10", "code_size": 256, "images_seen": 64, "published": None}
    | dict.fromkeys(("linear_accuracy", "clustering_accuracy"), ACCURACY)
]
SETTING = {"preset": "rings-gan", "mixture": "ring", "config": "0f"}
RINGS = {
    "settings": [
        SETTING | {"steps": 2000, "runs": [{"seed": 0, "modes": 8, "high_quality": 0.5, "seconds": 1.5}]},
    ],
    "curves": [SETTING | {"steps": [1000, 2000], "modes": [4.0, 8.0], "high_quality": [0.25, 0.5]}],
}
LINES = {"settings": ["depth=8"], "precision": "mixed_bfloat16"}
STUDY = {"name": "habits", "n": 10000, "config": {"preset": "gan"}}
STUDY_TABLE = b"""variation,settings,seeds,FD-judge,standard error,difference,standard error of the difference,images,\
processor minutes
as it is,,2,9.88,0.54,,,250000,5.8
hinge loss,loss=hinge,2,8.50,0.20,-1.38,0.61,250000,5.8
"""
# Those that take what is damaged for absent.
LENIENT = {
    "cached arrays",
    "scores of rings",
    "record of a pool",
    "images of a pool",
    "image of the report",
    "prose.md",
}


def statistics():
    return npz(mean=numpy.zeros(4, numpy.float32), factor=numpy.eye(4, dtype=numpy.float32))


def reported_batch():
    reported()
    return (PLACE / "pegasus" / "pegasus.json").read_bytes()


PANEL_ANSWERS = {
    **{"version": 1, "panel": "mark", "person": "a" * 32},
    "answers": [{"image": "0" * 32, "name": "a horse", "winged": 7, "real": 3}],
}
PANEL_KEY = {
    **{"version": 1, "panel": "mark", "seed": 0},
    "images": [{"id": "0" * 32, "source": "batch", "name": "rank 1"}],
}
# {name: (file name, [valid contents], reader of the file)}
READERS = {
    "image": (
        "x.png",
        [
            *(image(kind) for kind in ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")),
            *(turned(), animated("GIF"), animated("WEBP")),
        ],
        read_image,
    ),
    "folder of images": ("x.png", [image("PNG"), image("JPEG")], read_folder),
    "flat folder of images": ("x.png", [image("PNG"), turned()], read_flat_folder),
    "original file of MNIST": (
        "x-idx3-ubyte.gz",
        [idx(PIXELS[..., 0]), gzip.compress(idx(PIXELS[..., 0]))],
        lambda file: read_idx(file, (3, 4, 4)),
    ),
    ".npz of images": (
        "x.npz",
        [npz(images=PIXELS), npz(True, images=PIXELS / 255), npz(x=PIXELS), npz(x=PIXELS, y=numpy.zeros(3))],
        lambda file: read_array(file, "x.npz"),
    ),
    ".npy of images": (
        "x.npy",
        [npy(PIXELS), npy(PIXELS / 255), npy(PIXELS > 99)],
        lambda file: read_array(file, "x.npy"),
    ),
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
    "answers of the panel": ("answers.json", [json.dumps(PANEL_ANSWERS).encode()], read_panel_answers),
    "key of the panel": ("panel-key.json", [json.dumps(PANEL_KEY).encode()], read_panel_key),
    "latents of candidates": ("x.npz", [latents], read_kept_latents),
    "report.toml": ("report.toml", [b'title = "T"\nauthor = "A"\n[references]\nx = "y"\n'], read_report_settings),
    "prose.md": ("prose.md", [PROSE.encode()], read_prose),
    "gallery of candidates": ("gallery.html", [gallery], read_gallery_page),
    "records of a batch": ("pegasus.json", [json.dumps(BATCH).encode()], read_batch),
    "record of a pool": ("pool.json", [lambda: (pool() / "pool.json").read_bytes()], read_pool_record),
    "images of a pool": ("images.npz", [npz(images=PIXELS), npz(True, images=PIXELS)], read_pool_images),
    "statistics of codes": ("codes.npz", [statistics], read_code_statistics),
    "record of a witness": ("witness.json", [json.dumps(RECORD | WITNESS).encode()], read_witness),
    "image of the report": ("x.png", [image("PNG"), image("JPEG")], read_report_image),
    "metrics in the report": ("metrics.json", [json.dumps([SCORE]).encode()], in_the_report("runs/full/metrics.json")),
    "environment in the report": (
        "environment.json",
        [json.dumps(REPORTED_ENVIRONMENT).encode()],
        in_the_report("runs/full/environment.json"),
    ),
    "log in the report": ("log.csv", [LOG], in_the_report("runs/full/log.csv")),
    "batch in the report": ("pegasus.json", [reported_batch], in_the_report("pegasus/pegasus.json")),
    "comparison in the report": (
        "comparison.json",
        [json.dumps(COMPARISON).encode()],
        in_the_report("pegasus/comparison.json"),
    ),
    "architecture in the report": (
        "architecture.json",
        [lambda: (reported().figures / "architecture.json").read_bytes()],
        in_the_report("runs/full/figures/architecture.json"),
    ),
    "accuracies of codes in the report": (
        "scores.json",
        [json.dumps(CODES).encode()],
        in_the_report("codes/scores.json"),
    ),
    "lines in the report": ("scores.json", [json.dumps(LINES).encode()], in_the_report("lines/scores.json")),
    "study in the report": ("habits.json", [json.dumps(STUDY).encode()], in_the_report("studies/habits.json")),
    "table of a study in the report": ("habits.csv", [STUDY_TABLE], in_the_report("studies/habits.csv")),
    "accuracies of codes": ("scores.json", [json.dumps(CODES).encode()], read_codes),
    "scores of rings": ("scores.json", [json.dumps(RINGS).encode()], read_rings),
    "cached arrays": ("x.npz", [npz(x=PIXELS)], cache.read_arrays),
}


def zip_of(members, stored=True):
    """Return a zip archive of {name: content}."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()
