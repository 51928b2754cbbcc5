"""The judge: a small residual classifier whose penultimate features give the score FD-judge.

`judge_training` trains it on the training split of a data set. It is saved as two files in one folder: judge.keras,
the network, and judge.json, what it was trained on and its accuracy.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import keras
from keras import layers

from coursework.data import Dataset, has_name, load_dataset
from coursework.extractors import recorded
from coursework.extractors.extractor import Extractor
from coursework.extractors.recorded import Recorded
from coursework.networks.blocks import BATCH_NORMALIZATION, Seeds
from coursework.util.errors import UserError
from coursework.util.files import expanded

JUDGES = Path("reports/judges")
# The outputs of a judge: features, and logits with one column a class.
OUTPUTS = {"features": False, "logits": True}


@dataclass(frozen=True)
class Judge(Recorded):
    """A trained judge and its record.

    model: uint8-valued images -> {"features": (n, d), "logits": (n, classes)}, both float32.
    accuracy: fraction of the test split that it classifies correctly. The rest as in `Recorded`.
    """

    accuracy: float
    role = "judge"


def build(
    image_shape: tuple[int, int, int], class_count: int, width: int = 32, seed: int = 0, precision: str = "float32"
) -> keras.Model:
    """Return the untrained judge: uint8-valued images (n, h, w, c) -> {"features": (n, 8 * width), "logits"}.

    The features are the mean over the last of `residual_maps`, from the layer named "features". precision: policy of
    the convolutions; both outputs are always float32.
    """
    seeds = Seeds(seed)
    inputs = keras.Input(image_shape, name="images")
    last = residual_maps(inputs, width, seeds, keras.DTypePolicy(precision))[-1]
    features = layers.GlobalAveragePooling2D(dtype="float32", name="features")(last)
    initializer = keras.initializers.GlorotUniform(seed=seeds.next())
    logits = layers.Dense(class_count, kernel_initializer=initializer, dtype="float32", name="logits")(features)
    return keras.Model(inputs, {"features": features, "logits": logits}, name="judge")


def residual_maps(
    inputs: keras.KerasTensor, width: int, seeds: Seeds, policy: keras.DTypePolicy
) -> list[keras.KerasTensor]:
    """Return three maps of images: (n, h/2, w/2, 2 * width), (n, h/4, w/4, 4 * width), (n, h/8, w/8, 8 * width).

    A residual network of nine layers (after He et al. 2016 and the "ResNet-9" of speed competitions) with strided
    convolutions, which on a CPU cost a quarter of a convolution followed by pooling. Values are rectified.
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


def convolution(
    inputs: keras.KerasTensor,
    channels: int,
    size: int,
    strides: int,
    name: str,
    policy: keras.DTypePolicy,
    seeds: Seeds,
) -> keras.KerasTensor:
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


def judge_folder(dataset: Dataset) -> Path:
    """Return the folder in reports/judges for the judge of a data set and its witnesses: see `home_folder`."""
    return recorded.home_folder(JUDGES, dataset)


def find_judge(dataset: Dataset) -> Judge | None:
    """Return the judge in reports/judges that was trained on the images of `dataset`, None if there is none.

    A selection of a data set's classes uses the judge of the whole. Raises `UserError` for damaged files.
    """
    folder = recorded.find_folder(JUDGES, Judge.role, dataset)
    return None if folder is None else load(folder)


def require_judge(dataset: Dataset) -> Judge:
    """Return the judge of `dataset`; raises `UserError` with the command that trains one if there is none."""
    judge = find_judge(dataset)
    if judge is None:
        raise UserError(no_judge(dataset))
    return judge


def load(folder: str | Path) -> Judge:
    """Return the judge saved in `folder`; raises `UserError` if either file is missing, damaged or foreign."""
    return recorded.load(Judge, Judge.role, folder, OUTPUTS)


def choose_judge(datasets: Iterable[Dataset | None], name: str | None = None) -> Judge | str:
    """Return a judge, or in one line why there is none, for sets of images to be compared.

    datasets: of which each set of images is a split, None for other images. name: of a data set (or its folder) whose
    judge to use, or the folder of a judge. By default it is the judge of the first data set that has one; for other
    images that of CIFAR-10, or the only one there is. Raises `UserError` for a judge that is named or damaged and
    cannot be used.
    """
    if name is not None:
        return _named_judge(name)
    known = [dataset for dataset in datasets if dataset is not None]
    for dataset in known:
        judge = find_judge(dataset)
        if judge is not None:
            return judge
    if known:
        return no_judge(known[0])
    found = _all_judges()
    usual = JUDGES / "cifar10"
    if usual in found or len(found) == 1:
        return load(usual if usual in found else found[0])
    if not found:
        return f"no judge: train one with `{recorded.training_command(Judge.role)}`"
    return f"several judges: choose one by --judge {' or '.join(folder.name for folder in found)}"


def _all_judges() -> list[Path]:
    return sorted(file.parent for file in JUDGES.glob(f"*/{Judge.role}.json"))


def _named_judge(name: str) -> Judge:
    """Return the judge that --judge names: its folder, a folder in reports/judges, or its data set."""
    own, kept = expanded(name), JUDGES / name
    if recorded.record_file(own, Judge.role).is_file():
        return load(own)
    if own.is_dir() and not has_name(name):
        return require_judge(load_dataset(name))
    if recorded.record_file(kept, Judge.role).is_file():
        return load(kept)
    if has_name(name):
        return require_judge(load_dataset(name))
    found = " or ".join(folder.name for folder in _all_judges())
    hint = f"choose {found}" if found else f"train one with `{recorded.training_command(Judge.role)}`"
    raise UserError(f"no judge in {JUDGES / name}: {hint}")


def no_judge(dataset: Dataset) -> str:
    """Return the line that says how to train the judge of a data set, or why there can be none."""
    if len(dataset.class_names) < 2:
        return f"no judge for {dataset.name}: a judge tells classes apart, and it has only {dataset.class_names[0]}"
    command = recorded.training_command(Judge.role, dataset.argument)
    return f"no judge for {dataset.name}: train one with `{command}`"


def judge_extractor(judge: Judge) -> Extractor:
    """Return a judge as an `Extractor`."""
    return Extractor(
        name="judge",
        sha256=judge.sha256,
        image_shape=tuple(judge.model.input_shape[1:]),
        resize=None,
        precision="float32",
        outputs=("features",),
        block=2000,
        compute=lambda images: recorded.extract(judge, images),
    )
