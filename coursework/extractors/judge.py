"""The judge: a small residual classifier whose penultimate features give the score FD-judge.

It is trained by `judge_training` on a data set's own training split and lives in two files of one folder: judge.keras,
the network, and judge.json, what it was trained on and how well it does.
"""

from dataclasses import dataclass
from pathlib import Path

import keras
from keras import layers

from coursework.extractors.recorded import (
    Recorded,
    extract_recorded,
    has_recorded,
    load_recorded,
    save_recorded,
)
from coursework.networks.blocks import BATCH_NORMALIZATION, Seeds

JUDGES = Path("reports/judges")
RECORD_FILE = "judge.json"
# What a judge tells: features, and logits with one column a class.
OUTPUTS = {"features": False, "logits": True}


@dataclass(frozen=True)
class Judge(Recorded):
    """A trained judge and its record.

    model: uint8-valued images -> {"features": (n, d), "logits": (n, classes)}, both float32.
    accuracy: fraction of the test split it names rightly. The rest as in `Recorded`.
    """

    accuracy: float
    role = "judge"


def build(image_shape, class_count, width=32, seed=0, precision="float32"):
    """Return the untrained judge: uint8-valued images (n, h, w, c) -> {"features": (n, 8 * width), "logits"}.

    The features are the mean over the last of `residual_maps`, from the layer named "features".

    precision: policy of the convolutions; both outputs are float32 under any.
    """
    seeds = Seeds(seed)
    inputs = keras.Input(image_shape, name="images")
    last = residual_maps(inputs, width, seeds, keras.DTypePolicy(precision))[-1]
    features = layers.GlobalAveragePooling2D(dtype="float32", name="features")(last)
    initializer = keras.initializers.GlorotUniform(seed=seeds.next())
    logits = layers.Dense(class_count, kernel_initializer=initializer, dtype="float32", name="logits")(features)
    return keras.Model(inputs, {"features": features, "logits": logits}, name="judge")


def residual_maps(inputs, width, seeds, policy):
    """Return three maps of images: (n, h/2, w/2, 2 * width), (n, h/4, w/4, 4 * width), (n, h/8, w/8, 8 * width).

    A nine-layer residual network (after He et al. 2016 and the "ResNet-9" of speed competitions) that halves the
    image by strided convolutions, which on a CPU cost a quarter of a convolution followed by pooling. Values are
    rectified.
    """
    x = layers.Rescaling(1 / 64, offset=-127.5 / 64, dtype=policy, name="rescale")(inputs)
    x = convolution(x, width, 3, 1, "stem", policy, seeds)
    maps = []
    for index, channels in enumerate((2 * width, 4 * width, 8 * width), start=1):
        x = convolution(x, channels, 3, 2, f"down_{index}", policy, seeds)
        branch = convolution(x, channels, 3, 1, f"residual_{index}_1", policy, seeds)
        branch = convolution(branch, channels, 3, 1, f"residual_{index}_2", policy, seeds)
        x = layers.Add(dtype=policy, name=f"add_{index}")([x, branch])
        maps.append(x)
    return maps


def convolution(inputs, channels, size, strides, name, policy, seeds):
    """Return ReLU(normalise(convolution)) with kernels of `size`; layers are named after `name`."""
    x = layers.Conv2D(
        channels,
        size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(seed=seeds.next()),
        dtype=policy,
        name=name,
    )(inputs)
    x = layers.BatchNormalization(**BATCH_NORMALIZATION, dtype=policy, name=f"{name}_normalization")(x)
    return layers.ReLU(dtype=policy, name=f"{name}_relu")(x)


def extract(judge, images, batch_size=500, progress=False):
    """Return every output of the judge for uint8 images (n, h, w, c), see `extract_recorded`."""
    return extract_recorded(judge, images, batch_size, progress)


def judge_folder(dataset_name):
    """Return the folder of the judge of a data set: reports/judges/<name>."""
    return JUDGES / dataset_name


def find_judge(dataset):
    """Return the judge of `dataset` from its own folder, None where there is none or it has seen other images.

    A selection of a data set's classes is served by the judge of the whole. Raises `UserError` for damaged files.
    """
    folder = judge_folder(dataset.name)
    if not has_recorded(folder, Judge.role):
        return None
    judge = load(folder)
    return judge if judge.knows(dataset) else None


def save(judge, folder):
    """Write judge.keras and judge.json into `folder` and return the judge with the SHA-256 of its file."""
    return save_recorded(judge, folder)


def load(folder):
    """Return the judge saved in `folder`; raises `UserError` where either file is missing, damaged or foreign."""
    return load_recorded(Judge, Judge.role, folder, OUTPUTS)
