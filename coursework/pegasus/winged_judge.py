"""The judge of winged horses: a network that says how likely an image shows one, and that no search may climb.

It learns from collages of the test split alone (`coursework.pegasus.winged_examples`), which no generator is trained
on, and is trained against an adversary (`coursework.pegasus.winged_training`). It is for ranking alone: a
search of latents raises its belief (on CIFAR-10 from 0.07 to 0.83) and yields few winged horses.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

from coursework.data.dataset import Dataset
from coursework.extractors import judge as judges
from coursework.extractors import recorded
from coursework.extractors.judge import residual_maps
from coursework.extractors.recorded import Recorded, extract
from coursework.networks.blocks import Seeds
from coursework.pegasus.calibration import sigmoid

ROLE = "winged"
# Outputs of the network, none of which has a column a class.
OUTPUTS = {"features": False, "log_odds": False}


@dataclass(frozen=True)
class WingedJudge(Recorded):
    """A trained judge of winged horses and its record.

    model: uint8-valued images (n, h, w, c) -> {"features": (n, d), "log_odds": (n,)}, float32. body, wings: classes of
    the sources. radius: of the adversary, as an L2 norm of images in [0, 1]; attack_steps: of the adversary.
    bodies, wings_cut, examples: numbers of sources and of examples that it learned from, all of the test split.

    Measured on the training split, of which it has seen nothing: auc: area under the curve of collages against
    negatives; robust_auc: the same where the adversary has changed both; calibration_error: see `calibration_error`.
    """

    body: str
    wings: str
    radius: float
    attack_steps: int
    bodies: int
    wings_cut: int
    examples: int
    auc: float
    robust_auc: float
    calibration_error: float
    role = ROLE


def build(
    image_shape: tuple[int, ...],
    width: int = 16,
    seed: int = 0,
    precision: str = "float32",
    calibration: tuple[float, float] | None = None,
) -> keras.Model:
    """Return the untrained network: uint8-valued images (n, h, w, c) -> {"features": (n, 16 * width), "log_odds"}.

    The residual layers are those of the data set's judge (`residual_maps`), with weights of their own. features: means
    and maxima of the last map. precision: policy of the convolutions. calibration: (scale, offset) of the log-odds.
    """
    seeds = Seeds(seed)
    inputs = keras.Input(image_shape, name="images")
    last = residual_maps(inputs, width, seeds, keras.DTypePolicy(precision))[-1]
    mean = layers.GlobalAveragePooling2D(dtype="float32", name="mean")(last)
    largest = layers.GlobalMaxPooling2D(dtype="float32", name="largest")(last)
    features = layers.Concatenate(dtype="float32", name="features")([mean, largest])
    initializer = keras.initializers.GlorotUniform(seed=seeds.next())
    log_odds = layers.Dense(1, kernel_initializer=initializer, dtype="float32", name="evidence")(features)
    if calibration is not None:
        log_odds = layers.Rescaling(*calibration, dtype="float32", name="calibration")(log_odds)
    log_odds = layers.Reshape((), dtype="float32", name="log_odds")(log_odds)
    return keras.Model(inputs, {"features": features, "log_odds": log_odds}, name="winged")


def belief(judge: WingedJudge, images: np.ndarray) -> np.ndarray:
    """Return float64 (n,) in [0, 1]: the probability that each of uint8 images (n, h, w, c) is a winged horse.

    It is calibrated for the mixture of collages and negatives that `winged_examples.SHARES` describes.
    """
    return sigmoid(extract(judge, images)["log_odds"])


def find_winged_judge(dataset: Dataset, body: str, wings: Collection[str]) -> WingedJudge | None:
    """Return the judge of winged horses in reports/judges that belongs to the images of `dataset`, None if none does.

    One of another body, or of wings that are not among `wings`, counts as none. Raises `UserError` for damaged files.
    """
    folder = recorded.find_folder(judges.JUDGES, ROLE, dataset)
    judge = None if folder is None else load(folder)
    return judge if judge and judge.body == body and judge.wings in wings else None


def load(folder: str | Path) -> WingedJudge:
    """Return the judge of winged horses in `folder`; raises `UserError` if a file is missing, damaged or foreign."""
    return recorded.load(WingedJudge, ROLE, folder, OUTPUTS)
