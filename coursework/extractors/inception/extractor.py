"""Inception of 2015 as an `Extractor`: apart from the judge's, so that what trains and generates cannot reach it."""

import functools
import os

from coursework.extractors import inception
from coursework.extractors.extractor import Extractor
from coursework.extractors.inception.architecture import CHANNELS, IMAGE_SIZE
from coursework.extractors.inception.network import BATCH_SIZE
from coursework.extractors.inception.weights import VARIABLE, cached_graph, find_tensors


def inception_extractor(path=None, precision="float32", download=False):
    """Return the `Extractor` of Inception of 2015, None where nobody named its weights and none were downloaded.

    path, download: as in `inception.load_pretrained`. The file is checked at once, the network built at the first use:
    where all features are kept already, that never comes. Raises `UserError` for weights that are named but cannot be
    used.
    """
    if not (path or download or os.environ.get(VARIABLE) or cached_graph().is_file()):
        return None
    _, sha256 = find_tensors(path, download)

    @functools.cache
    def model():
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
