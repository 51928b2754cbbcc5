"""The judge: a small residual classifier whose penultimate features give the score FD-judge.

It is trained by `coursework.judging` on a data set's own training split and lives in two files of one folder:
judge.keras, the network, and judge.json, what it was trained on and how well it does.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

from coursework.errors import UserError
from coursework.files import replacing, sha256, write_text
from coursework.networks.blocks import Seeds
from coursework.saving import load_network

JUDGES = Path("reports/judges")
NETWORK_FILE = "judge.keras"
RECORD_FILE = "judge.json"


@dataclass(frozen=True)
class Judge:
    """A trained judge and its record.

    model: uint8-valued images -> {"features": (n, d), "logits": (n, classes)}, both float32.
    fingerprint: of the whole data set `dataset`. class_fingerprints: {class name: `class_fingerprints` of it}.
    accuracy: fraction of the test split it names rightly. seconds: spent in training.
    sha256: of judge.keras; scores by judges with different ones must not be compared.
    """

    model: keras.Model
    dataset: str
    fingerprint: str
    class_names: tuple[str, ...]
    class_fingerprints: dict[str, str]
    width: int
    epochs: int
    seed: int
    seconds: float
    accuracy: float
    sha256: str

    def knows(self, dataset):
        """Tell whether the judge was trained on the training images of every class of `dataset`."""
        return class_fingerprints(dataset).items() <= self.class_fingerprints.items()


def build(image_shape, class_count, width=32, seed=0, precision="float32"):
    """Return the untrained judge: uint8-valued images (n, h, w, c) -> {"features": (n, 8 * width), "logits"}.

    A nine-layer residual network (after He et al. 2016 and the "ResNet-9" of speed competitions) that halves the
    image by strided convolutions, which on a CPU cost a quarter of a convolution followed by pooling. Features are
    the mean over the last map of rectified values, from the layer named "features".

    precision: policy of the convolutions; both outputs are float32 under any.
    """
    policy = keras.DTypePolicy(precision)
    seeds = Seeds(seed)
    inputs = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 64, offset=-127.5 / 64, dtype=policy, name="rescale")(inputs)
    x = _convolution(x, width, 1, "stem", policy, seeds)
    for index, channels in enumerate((2 * width, 4 * width, 8 * width), start=1):
        x = _convolution(x, channels, 2, f"down_{index}", policy, seeds)
        branch = _convolution(x, channels, 1, f"residual_{index}_1", policy, seeds)
        branch = _convolution(branch, channels, 1, f"residual_{index}_2", policy, seeds)
        x = layers.Add(dtype=policy, name=f"add_{index}")([x, branch])
    features = layers.GlobalAveragePooling2D(dtype="float32", name="features")(x)
    initializer = keras.initializers.GlorotUniform(seed=seeds.next())
    logits = layers.Dense(class_count, kernel_initializer=initializer, dtype="float32", name="logits")(features)
    return keras.Model(inputs, {"features": features, "logits": logits}, name="judge")


def _convolution(inputs, channels, strides, name, policy, seeds):
    """Return ReLU(normalise(3x3 convolution))."""
    x = layers.Conv2D(
        channels,
        3,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(seed=seeds.next()),
        dtype=policy,
        name=name,
    )(inputs)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=policy, name=f"{name}_normalization")(x)
    return layers.ReLU(dtype=policy, name=f"{name}_relu")(x)


def extract(judge, images, batch_size=500, progress=False):
    """Return every output of the judge for uint8 images (n, h, w, c) as {name: float32 (n, ...)}.

    Raises `UserError` for no images and for images of another shape than those it was trained on.
    """
    images = np.asarray(images)
    expected = tuple(judge.model.input_shape[1:])
    if images.dtype != np.uint8 or images.shape[1:] != expected or not len(images):
        raise UserError(
            f"the judge of {judge.dataset} takes uint8 images (n, {', '.join(map(str, expected))}) with n > 0, "
            f"found {images.dtype} {images.shape}"
        )
    outputs = judge.model.predict(images, batch_size=batch_size, verbose=1 if progress else 0)
    return {name: np.asarray(values, dtype=np.float32) for name, values in outputs.items()}


def judge_folder(dataset_name):
    """Return the folder of the judge of a data set: reports/judges/<name>."""
    return JUDGES / dataset_name


def find_judge(dataset):
    """Return the judge of `dataset` from its own folder, None where there is none or it has seen other images.

    A selection of a data set's classes is served by the judge of the whole. Raises `UserError` for damaged files.
    """
    folder = judge_folder(dataset.name)
    if not all((folder / name).is_file() for name in (RECORD_FILE, NETWORK_FILE)):
        return None
    judge = load(folder)
    return judge if judge.knows(dataset) else None


def class_fingerprints(dataset):
    """Return {class name: hexadecimal SHA-256 of its training images in their order}."""
    fingerprints = {}
    for label, name in enumerate(dataset.class_names):
        images = dataset.train_images[dataset.train_labels == label]
        digest = hashlib.sha256(repr((images.shape, images.dtype.str)).encode())
        digest.update(images.data)
        fingerprints[name] = digest.hexdigest()
    return fingerprints


def save(judge, folder):
    """Write judge.keras and judge.json into `folder` and return the judge with the SHA-256 of its file.

    The record is written last and holds that SHA-256, so that a pair torn by an interruption is told by `load`.
    """
    file = Path(folder) / NETWORK_FILE
    with replacing(file) as temporary:
        judge.model.save(temporary)
    judge = dataclasses.replace(judge, sha256=sha256(file))
    record = {name: getattr(judge, name) for name in _record_types()}
    write_text(file.with_name(RECORD_FILE), json.dumps(record, indent=1) + "\n")
    return judge


def load(folder):
    """Return the judge saved in `folder`; raises `UserError` where either file is missing, damaged or foreign."""
    folder = Path(folder)
    record = _read_record(folder / RECORD_FILE)
    file = folder / NETWORK_FILE
    if not file.is_file():
        raise UserError(f"no file {file}: train the judge again with `python -m coursework judge`")
    if sha256(file) != record["sha256"]:
        raise UserError(
            f"{file} is not the network that {RECORD_FILE} beside it describes: "
            "remove both and train the judge again with `python -m coursework judge`"
        )
    model = load_network(file)
    outputs = getattr(model, "output", None)
    if (
        not isinstance(outputs, dict)
        or not {"features", "logits"} <= set(outputs)
        or outputs["logits"].shape[-1] != len(record["class_names"])
    ):
        raise UserError(f"{file} is not a judge of {len(record['class_names'])} classes")
    return Judge(model=model, **{**record, "class_names": tuple(record["class_names"])})


def _record_types():
    """Return {name: type} of what judge.json holds: every field but the model, tuples as lists."""
    names = [field.name for field in dataclasses.fields(Judge) if field.name != "model"]
    kinds = {"class_names": list, "class_fingerprints": dict, "seconds": float, "accuracy": float}
    return {name: kinds.get(name, int if name in ("width", "epochs", "seed") else str) for name in names}


def _read_record(file):
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"no judge in {file.parent} ({error.strerror}): train one with `python -m coursework judge`"
        ) from error
    except ValueError as error:
        raise UserError(f"{file} is not valid JSON: {error}") from error
    kinds = _record_types()
    if not isinstance(record, dict) or set(record) != set(kinds):
        raise UserError(f"{file} is not the record of a judge: it should hold exactly {', '.join(kinds)}")
    wrong = [name for name, kind in kinds.items() if type(record[name]) is not kind]
    if wrong:
        raise UserError(f"{file}: {wrong[0]} should be of type {kinds[wrong[0]].__name__}")
    return record
