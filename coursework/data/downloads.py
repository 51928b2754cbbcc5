"""Image classification sets of tensorflow-datasets, which is optional: downloaded once, then read from its folder."""

import urllib.error
import urllib.request
from typing import Any

import numpy as np

from coursework.data.dataset import Dataset, say
from coursework.data.held_out import split_off
from coursework.util.errors import UserError

# Names of data sets of tensorflow-datasets begin so.
PREFIX = "tfds:"
INSTALL = 'pip install -e ".[data]"'


def load(name: str) -> Dataset:
    """Return the `Dataset` of "tfds:NAME", with NAME as tensorflow-datasets spells it: "stl10", "eurosat/rgb".

    Without a split "test" a tenth is held out (`held_out`). Raises `UserError` for what cannot be downloaded and for a
    data set of anything else than labelled images of one size.
    """
    wanted = name.removeprefix(PREFIX)
    splits, class_names = download(wanted, f"the data set {wanted}", "give a folder of images")
    images, labels = splits["train"]
    if "test" not in splits:
        splits = split_off(images, labels, class_names)
        count = len(splits["test"][0])
        say(f"{name}: no split test: {count:,} of {len(images):,} images are held out, by the hash of each image")
    return Dataset.from_arrays(short_name(name), *splits["train"], *splits["test"], class_names)


def short_name(name: str) -> str:
    """Return "tfds:NAME" as a part of a path."""
    return name.replace(":", "-").replace("/", "-")


def download(
    name: str, title: str, otherwise: str, archive: str | None = None
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], tuple[str, ...]]:
    """Return ({split: (images, labels)}, class names) of a data set of tensorflow-datasets.

    Images are uint8 (n, height, width, channels), labels int64 (n,); "train" is always there. title: of the data set in
    messages. otherwise: what to do without a network. archive: address of its server (default: its first file's).
    Raises `UserError`, one line that says what to do.
    """
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise UserError(f"{title} needs tensorflow-datasets ({INSTALL}); or {otherwise}") from error
    there, builder = False, None
    try:
        builder = tensorflow_datasets.builder(name)
        there = builder.data_path.exists()
        if not there:
            _require_network(archive or next(iter(getattr(builder, "url_infos", None) or ()), None))
        keys = _keys(builder.info, title)
        builder.download_and_prepare()
        names = [split for split in ("train", "test") if split in builder.info.splits]
        if "train" not in names:
            raise UserError(f"{title} has no split train; it has {', '.join(builder.info.splits):.80}")
        contents = tensorflow_datasets.as_numpy(builder.as_dataset(split=names, batch_size=-1))
    except UserError:
        raise
    except Exception as error:  # Whatever the downloader raises, the remedies are the same.
        if there and builder is not None:
            raise UserError(
                f"cannot read {title} in {builder.data_path} ({_first_line(error)}): remove that folder, which an "
                "interrupted download may have left, to download it again"
            ) from error
        raise UserError(
            f"cannot download {title} ({_first_line(error)}): connect to the network, or {otherwise}"
        ) from error
    splits = {
        split: (np.asarray(content[keys[0]]), np.asarray(content[keys[1]]).astype(np.int64))
        for split, content in zip(names, contents, strict=True)
    }
    return splits, tuple(builder.info.features[keys[1]].names)


def _keys(info: Any, title: str) -> tuple[str, str]:
    """Return the names of images and labels in a data set; raises `UserError` where it has no such thing."""
    keys = info.supervised_keys
    features = info.features
    if not keys or len(keys) != 2 or not all(isinstance(key, str) and key in features for key in keys):
        raise UserError(f"{title} has no images with labels: it is no image classification set")
    image, label = (features[key] for key in keys)
    shape, names = getattr(image, "shape", ()), getattr(label, "names", None)
    if len(shape or ()) != 3 or image.dtype not in (np.uint8, "uint8") or not names:
        raise UserError(f"{title} has no images of uint8 with named classes: it is no image classification set")
    if None in shape:
        raise UserError(f"{title} has images of several sizes: write them to a folder in one size")
    return keys[0], keys[1]


def _require_network(url: str | None) -> None:
    """Raise `OSError` if the server of `url` cannot be reached: tensorflow-datasets would retry for minutes."""
    if url is None:
        return
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=15).close()
    except urllib.error.HTTPError:
        # The server answered.
        return


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:100] if lines else type(error).__name__
