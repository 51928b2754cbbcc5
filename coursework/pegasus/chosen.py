"""A candidate that a person has chosen in the gallery, put in the place of the best one by rule; needs no Keras."""

import json
import shutil
from pathlib import Path

import numpy as np

from coursework.data.image_files import read_image
from coursework.pegasus.batch_files import COLLAGES, CONDITIONS, LATENTS, RECORDS, SHEET, cut, read_records, write_batch
from coursework.pegasus.candidates import read_latents
from coursework.pegasus.choice import read_choice
from coursework.pegasus.figure import draw_best
from coursework.pegasus.gallery_reading import Gallery, read_gallery
from coursework.pegasus.pool_files import read_pool
from coursework.util.errors import UserError

CHOICE, GALLERY, NEIGHBOURS = "choice.json", "gallery.html", "neighbours.png"
EYE = "eye"


def with_choice(folder: str | Path, choice: str | Path | None, target: str | Path) -> Path:
    """Return the folder of the batch to show: `folder` itself, or `target` with the chosen candidate as the best.

    choice: file that the gallery saved; None for choice.json in `folder`, where there is one. The chosen candidate
    comes first and the others follow as they were, the last one left out where the chosen one was not among them; its
    record bears {"chosen_by": "eye"}. Raises `UserError` for a choice from another gallery, and for a candidate whose
    latents are no longer there.
    """
    folder, target = Path(folder), Path(target)
    if choice is None and not (folder / CHOICE).is_file():
        return folder
    choice = Path(choice or folder / CHOICE)
    gallery = read_gallery(folder / GALLERY)
    chosen = read_choice(choice, gallery.records, gallery.fingerprint)
    records, latents = read_records(folder / RECORDS), read_latents(folder / LATENTS)
    places = {record["id"]: index for index, record in enumerate(gallery.records)}
    if not all(record["id"] in places for record in records) or len(latents) != len(records):
        raise UserError(f"{folder / GALLERY} shows other candidates than {RECORDS} lists: make the pegasi again")
    images = [gallery.images[places[record["id"]]] for record in records]
    _check_sheet(folder / SHEET, images)
    known = [record["id"] for record in records]
    if chosen["id"] in known:
        place = known.index(chosen["id"])
        best, image, latent = records.pop(place), images.pop(place), latents.pop(place)
    else:
        image = gallery.images[places[chosen["id"]]]
        label = {key: records[0][key] for key in ("dataset_label",) if key in records[0]}
        best, latent = chosen | label, _kept_latents(folder, chosen, image)
        records, images, latents = records[:-1], images[:-1], latents[:-1]
    best = best | {"chosen_by": EYE, "rank_by_rule": best.get("rank")}
    batch = [record | {"rank": rank} for rank, record in enumerate([best, *records], start=1)]
    write_batch(target, np.stack([image, *images]), batch, [latent, *latents])
    for name in (CONDITIONS, COLLAGES):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, target / name)
    _draw_neighbours(target / NEIGHBOURS, image, best, gallery, gallery.collages.get(places[best["id"]]))
    return target


def _draw_neighbours(file: Path, image: np.ndarray, record: dict, gallery: Gallery, collage: np.ndarray | None) -> None:
    """Draw the best beside its nearest training images and collage, where the gallery shows them."""
    try:
        draw_best(file, image, record, gallery.training, collage)
    except (KeyError, TypeError, AttributeError, ValueError):
        # A record without them: the report says so.
        file.unlink(missing_ok=True)


def _check_sheet(file: Path, images: list[np.ndarray]) -> None:
    """Raise `UserError` where the sheet does not show `images`: the gallery would be of another batch."""
    try:
        shown = cut(read_image(file), *images[0].shape[:2])
    except UserError as error:
        raise UserError(f"cannot read {file}: make the pegasi again") from error
    if shown is None or not np.array_equal(shown, images):
        raise UserError(f"{file} does not show the images of the gallery: make the pegasi again")


def _kept_latents(folder: Path, chosen: dict, image: np.ndarray) -> dict:
    """Return the latents of a candidate outside the batch, from the pool that made it."""
    name = f"{chosen.get('strategy')}-{chosen.get('run')}"
    pool = read_pool(folder / "pools" / name) if Path(name).name == name else None
    origins = [json.dumps(origin, sort_keys=True) for origin in pool.origins] if pool else []
    wanted = json.dumps(chosen.get("origin"), sort_keys=True)
    if pool is None or wanted not in origins or not np.array_equal(pool.images[origins.index(wanted)], image):
        raise UserError(
            f"{chosen['id']!s:.100} is not among the chosen ones, and {folder / 'pools'} no longer keeps what it is "
            "made from: make the pegasi again, or choose one of the batch"
        )
    return pool.latents[origins.index(wanted)]
