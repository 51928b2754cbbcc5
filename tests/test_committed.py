"""What the repository keeps of its own results: the generators of the Pegasus, in float16, remake the batch."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coursework.pegasus.batch_files import LATENTS, RECORDS, SHEET, cut, read_records
from coursework.pegasus.candidates import read_latents
from coursework.pegasus.decoding import remake
from coursework.run import Run
from coursework.sampling import TrainedRun

REPORTS = Path(__file__).parents[1] / "reports"


@pytest.mark.backend
def test_the_batch_is_remade_from_what_is_kept():
    """Within what float16 rounds: of 255, less than half of one on average, eight at most."""
    folder = REPORTS / "pegasus"
    records, latents = read_records(folder / RECORDS), read_latents(folder / LATENTS)
    trained = {}

    def run_named(name, weights):
        assert weights == "last"
        return trained.setdefault(name, TrainedRun(Run(REPORTS / "runs" / name)))

    images = remake(run_named, [record["origin"] for record in records], latents)
    with Image.open(folder / SHEET) as sheet:
        kept = cut(np.asarray(sheet.convert("RGB")), 32, 32)
    off = np.abs(images.astype(int) - kept.astype(int))
    assert images.shape == kept.shape == (64, 32, 32, 3)
    assert off.mean() < 0.5 and off.max() <= 8
    # Other latents are other images.
    other = images[1:].astype(int) - kept[:-1].astype(int)
    assert np.abs(other).mean() > 20
