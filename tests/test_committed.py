"""What the repository keeps of its own results: the generators of the Pegasus, in float16, remake the batch."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coursework.pegasus.batch_files import CONDITIONS, LATENTS, RECORDS, SHEET, cut, read_records
from coursework.pegasus.candidates import read_latents
from coursework.pegasus.decoding import remake
from coursework.training.run import Run
from coursework.training.sampling import TrainedRun
from coursework.util.files import read_json, sha256

REPORTS = Path(__file__).parents[1] / "reports"
# Where `make begin` puts what came with the package.
EARLIER = REPORTS / "earlier"


def kept():
    """Return the folder of what came with the package; None where a user has put results of their own in its place."""
    home = EARLIER if EARLIER.is_dir() else REPORTS
    names = [f"pegasus/{name}" for name in (LATENTS, RECORDS, SHEET)]
    names += [f"runs/{name}-cifar10-s0/generator.keras" for name in ("sngan", "conditional-sngan")]
    return home if all((home / name).is_file() for name in names) else None


@pytest.mark.backend
@pytest.mark.skipif(kept() is None, reason="results of your own stand in the place of those that came with the package")
def test_the_batch_is_remade_from_what_is_kept():
    """By the very weights that it was made from, in float16 as they are kept, within what a processor rounds."""
    home = kept()
    folder = home / "pegasus"
    recorded = read_json(folder / CONDITIONS, dict)["weights"]
    for name in ("sngan-cifar10-s0", "conditional-sngan-cifar10-s0"):
        assert sha256(home / "runs" / name / "generator.keras") == recorded[name]
    records, latents = read_records(folder / RECORDS), read_latents(folder / LATENTS)
    trained = {}

    def run_named(name, weights):
        if (name, weights) not in trained:
            trained[name, weights] = TrainedRun(Run(home / "runs" / name), weights == "best")
        return trained[name, weights]

    images = remake(run_named, [record["origin"] for record in records], latents)
    with Image.open(folder / SHEET) as sheet:
        shown = cut(np.asarray(sheet.convert("RGB")), 32, 32)
    off = np.abs(images.astype(int) - shown.astype(int))
    assert images.shape == shown.shape == (len(records), 32, 32, 3)
    assert off.mean() < 0.01 and off.max() <= 1
    # Other latents are other images.
    other = images[1:].astype(int) - shown[:-1].astype(int)
    assert np.abs(other).mean() > 20
