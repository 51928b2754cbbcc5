"""The networks whose features are scored, behind one face, and the judge of a data set as one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coursework.extractors import judge as judges
from coursework.util.errors import UserError


@dataclass(frozen=True)
class Extractor:
    """A network from uint8 images to features.

    name: "judge" or "inception". sha256: of its weights' file; scores by different ones must not be compared.
    image_shape: (height, width, channels) that it takes, None where any will do. resize: how it makes one size of all,
    None where it does not. precision: of its convolutions. outputs: those of `compute` that scores need. block: images
    to compute at a time. compute: uint8 images of `image_shape` -> {output: (n, ...)}.
    """

    name: str
    sha256: str
    image_shape: tuple[int | None, int | None, int]
    resize: str | None
    precision: str
    outputs: tuple[str, ...]
    block: int
    compute: Callable

    @property
    def label(self):
        """The name under which scores are recorded: another precision is another extractor."""
        return self.name if self.precision == "float32" else f"{self.name} {self.precision}"

    def problem(self, images, name):
        """Return in one line why uint8 images (n, h, w, c) called `name` cannot be taken, None where they can."""
        sides = [side for side in zip(self.image_shape[:2], images.shape[1:3], strict=True) if side[0] is not None]
        if any(own != given for own, given in sides):
            expected = f"{self.image_shape[1]}x{self.image_shape[0]}"
            return (
                f"the {self.name} takes images of {expected}, those of {name} are {images.shape[2]}x{images.shape[1]}"
            )
        if images.shape[3] not in (1, self.image_shape[2]):
            return f"the {self.name} takes greyscale images, those of {name} have {images.shape[3]} channels"
        return None

    def check(self, images, name):
        """Raise `UserError` where there are no images, or images that cannot be taken."""
        if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
            raise UserError(
                f"{name}: expected uint8 images (n, height, width, channels), found {images.dtype} {images.shape}"
            )
        problem = self.problem(images, name)
        if problem:
            raise UserError(problem)

    def prepare(self, images):
        """Return images in the channels that the network takes, contiguous: grey ones are repeated."""
        return np.ascontiguousarray(np.broadcast_to(images, (*images.shape[:3], self.image_shape[2])))

    def outputs_of(self, images):
        """Return {output: float32 (n, d)} of prepared images."""
        computed = self.compute(images)
        return {name: np.asarray(computed[name], np.float32) for name in self.outputs}


def judge_extractor(judge):
    """Return the `Extractor` of a `Judge`."""
    return Extractor(
        name="judge",
        sha256=judge.sha256,
        image_shape=tuple(judge.model.input_shape[1:]),
        resize=None,
        precision="float32",
        outputs=("features",),
        block=2000,
        compute=lambda images: judges.extract(judge, images),
    )


def choose_judge(image_sets, name=None):
    """Return (judge, None), or (None, why there is none) for sets of images that are to be compared.

    name: of the data set whose judge is wanted, or the folder of a judge. By default it is the judge of the data set
    that one of the sets is a split of; for images from elsewhere CIFAR-10's, or the only one there is. Raises
    `UserError` for a judge that is named or damaged and cannot be used.
    """
    if name is not None:
        folder = Path(name) if (Path(name) / judges.RECORD_FILE).is_file() else judges.judge_folder(name)
        return judges.load(folder), None
    datasets = [images.dataset for images in image_sets if images.dataset is not None]
    for dataset in datasets:
        judge = judges.find_judge(dataset)
        if judge is not None:
            return judge, None
    if datasets:
        return None, no_judge(datasets[0])
    found = sorted(file.parent for file in judges.JUDGES.glob(f"*/{judges.RECORD_FILE}"))
    usual = judges.judge_folder("cifar10")
    if usual in found or len(found) == 1:
        return judges.load(usual if usual in found else found[0]), None
    if not found:
        return None, "no judge: train one with `python -m coursework judge`"
    return None, f"several judges: choose one by --judge {' or '.join(folder.name for folder in found)}"


def no_judge(dataset):
    """Return the line that says how to make the judge of a data set."""
    return f"no judge for {dataset.name}: train one with `python -m coursework judge --dataset {dataset.name}`"
