"""Inception of 2015 as an `Extractor`, in its own file: what trains and generates images cannot import it."""

import functools
import os

import keras

from coursework.extractors import inception
from coursework.extractors.extractor import Extractor
from coursework.extractors.inception.architecture import CHANNELS, IMAGE_SIZE
from coursework.extractors.inception.network import BATCH_SIZE
from coursework.extractors.inception.weights import VARIABLE, cached_graph, find_tensors


def inception_extractor(
    path: str | None = None, precision: str = "float32", download: bool = False
) -> Extractor | None:
    """Return the `Extractor` of Inception of 2015, None if its weights were neither named nor downloaded.

    path, download: as in `inception.load_pretrained`. The file is checked at once; the network is built at the first
    use, which never comes if all features are kept. Raises `UserError` for weights that are named but cannot be used.
    """
    if not (path or download or os.environ.get(VARIABLE) or cached_graph().is_file()):
        return None
    _, sha256 = find_tensors(path, download)

    @functools.cache
    def model() -> keras.Model:
        return inception.load_pretrained(path, precision, download)[0]

    return Extractor(
        name="inception",
        sha256=sha256,
        image_shape=(None, None, CHANNELS),
        resize=f"TensorFlow 1 bilinear to {IMAGE_SIZE}x{IMAGE_SIZE}",
        precision=precision,
        outputs=("features", "logits_unbiased"),
        block=16 * BATCH_SIZE,
        compute=lambda images: inception.extract(model(), images),
    )
