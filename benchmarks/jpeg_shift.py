"""How much a score shifts because the images are JPEG copies: compress them once more and score both.

    python -m benchmarks.jpeg_shift moved.npz compressed.npz
    python -m coursework metrics moved.npz cifar10:train --metrics fd,kd,prdc
    python -m coursework metrics compressed.npz cifar10:train --metrics fd,kd,prdc

The first command writes the test images, moved by three pixels so that their blocks differ from those of the file, and
the same images compressed like the local copy: quality 75, colours at half the resolution. With images that were never
JPEG files, it measures what a JPEG copy of them would do.
"""

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from coursework.data import load_dataset
from coursework.util.errors import UserError
from coursework.util.files import replacing

MOVED = 3
QUALITY = 75


def moved(images: np.ndarray) -> np.ndarray:
    """Return images (n, h, w, c) moved down and to the right, their edge repeated."""
    height, width = images.shape[1:3]
    return np.pad(images, ((0, 0), (MOVED, 0), (MOVED, 0), (0, 0)), mode="edge")[:, :height, :width]


def compressed(images: np.ndarray) -> np.ndarray:
    """Return uint8 images (n, h, w, 3) after JPEG compression."""
    return np.stack([_compressed(image) for image in images])


def _compressed(image: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="JPEG", quality=QUALITY, subsampling="4:2:0")
    with Image.open(stream) as again:
        return np.asarray(again.convert("RGB"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("moved", type=Path)
    parser.add_argument("compressed", type=Path)
    arguments = parser.parse_args()
    try:
        images = moved(load_dataset("cifar10").test_images)
        for file, content in ((arguments.moved, images), (arguments.compressed, compressed(images))):
            # An open file, because NumPy would add .npz to a name without it.
            with replacing(file) as temporary, open(temporary, "wb") as stream:
                np.savez(stream, images=content)
    except UserError as error:
        raise SystemExit(f"jpeg_shift: {error}") from error


if __name__ == "__main__":
    main()
