"""Collages: outlines, bodies, wings, how one is set upon the other, and the folder that is written."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from coursework.cli.main import main
from coursework.data import load_dataset, sprites
from coursework.data.dataset import Dataset
from coursework.pegasus.collages import collage, dataset, selection
from coursework.pegasus.collages.bodies import Body, find_body
from coursework.pegasus.collages.outlines import outlines
from coursework.pegasus.collages.wings import Wing, find_wings
from coursework.util.errors import UserError

SIDE = 32


@pytest.fixture(scope="module")
def drawn():
    """A small `sprites`, with what collages find in it: (data set, {split: (bodies, wings)})."""
    data = sprites.load(train_per_class=120, test_per_class=60)
    return data, {split: selection.select(data, split, "horse", "bird") for split in dataset.SPLITS}


@pytest.fixture(scope="module")
def folder(drawn, tmp_path_factory):
    path = tmp_path_factory.mktemp("collages") / "sprites-pegasus"
    dataset.write_collages(drawn[0], path, "horse", "bird", ["airplane"], 30, 3, report=lambda line: None)
    return path


def disk(centre, radius):
    rows, columns = np.indices((SIDE, SIDE))
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2


def triangle():
    """A wing of 10 x 6 pixels: root at the left, tip at the right, straight above, its bulk below."""
    rows, columns = np.indices((SIDE, SIDE))
    mask = (columns >= 10) & (columns <= 20) & (rows >= 10) & (rows <= 10 + 0.6 * (20 - columns))
    colours = np.full((SIDE, SIDE, 3), [0.2, 0.3, 0.4], np.float32)
    return Wing(0, 0, mask.astype(np.float32), colours, (10.0, 10.0), (10.0, 20.0), bulk=1, width=0.3)


def geometry(**changes):
    values = {"row": 18.0, "column": 18.0, "drop": 0, "angle": 90.0, "length": 10.0, "stretch": 1.0, "bend": 0.0}
    values |= {"tone": 1.0, "light": 0.0, "far": False, "far_turn": 10.0, "far_forward": 1.0, "far_light": 0.8}
    return collage.Geometry(**(values | {"mirrored": False} | changes))


def block_body():
    """A body of even grey 0.6 whose back is row 18, in an image whose ground is 0.1."""
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[18:28, 6:28] = 1
    image = np.where(mask[..., None] > 0, 153, 26).astype(np.uint8).repeat(3, axis=-1)
    return image, Body(0, False, mask, (18.0, 18.0), 14.0)


def test_an_outline_is_where_the_figure_is():
    generator = np.random.default_rng(0)
    rows = np.indices((SIDE, SIDE))[0]
    figure = disk((17, 15), 8)
    ground = np.stack([80 + 2 * rows, 140 + rows, 90 + rows], axis=-1)
    image = np.where(figure[..., None], [120, 60, 30], ground) + generator.normal(0, 6, (SIDE, SIDE, 3))
    found = outlines(np.clip(image, 0, 255).astype(np.uint8)[None])[0]
    assert found.shape == (SIDE, SIDE) and found.min() >= 0 and found.max() <= 1
    inside = found > 0.5
    assert (inside & figure).sum() / (inside | figure).sum() > 0.95
    # An image does not depend on those beside it.
    pair = outlines(np.stack([np.clip(image, 0, 255), np.full((SIDE, SIDE, 3), 90)]).astype(np.uint8))
    np.testing.assert_allclose(pair[0], found, atol=1e-4)


def test_bodies_of_drawn_horses_face_the_right():
    images = sprites.render("horse", 60, seed=5)
    masks = outlines(images)
    found = [find_body(index, mask) for index, mask in enumerate(masks)]
    bodies = [body for body in found if isinstance(body, Body)]
    assert 24 <= len(bodies) < 60
    for body in bodies:
        mirrored = find_body(body.index, masks[body.index][:, ::-1])
        assert mirrored.flipped != body.flipped
        np.testing.assert_array_equal(mirrored.mask, body.mask)
        assert mirrored.back == body.back
        # The head: what stands highest lies in front of the wing's place.
        rows, columns = np.nonzero(body.mask > 0.5)
        assert columns[rows == rows.min()].mean() > body.back[1]
        # The back is the upper edge of the outline.
        row, column = (round(value) for value in body.back)
        assert body.mask[row + 2, column] > 0.5 > body.mask[row - 3, column]


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (disk((16, 16), 9), "no head"),
        (disk((16, 16), 3), "size"),
        (disk((16, 16), 9) | disk((3, 3), 3.5), "parts"),
        (disk((9, 16), 9), "border"),
    ],
)
def test_what_is_no_body_is_told(mask, reason):
    assert find_body(0, mask.astype(np.float32)) == reason


def test_wings_are_cut_from_a_bird_in_flight_and_none_from_a_ball():
    body, (rows, columns) = disk((20, 16), 4), np.indices((SIDE, SIDE))
    left = (np.abs(columns - 12 + 0.6 * (20 - rows)) < 2.6) & (rows > 6) & (rows <= 20)
    right = (np.abs(columns - 20 - 0.6 * (20 - rows)) < 2.6) & (rows > 6) & (rows <= 20)
    mask = (body | left | right).astype(np.float32)
    image = np.full((SIDE, SIDE, 3), 90, np.uint8)
    found = find_wings(7, image, mask)
    assert [wing.number for wing in found] == [0, 1] and {wing.index for wing in found} == {7}
    for wing in found:
        assert wing.tip[0] == pytest.approx(7, abs=1) and wing.length == pytest.approx(15, abs=2.5)
        assert abs(wing.root[1] - 16) < 4 and wing.mask[(wing.mask > 0) & (mask == 0)].sum() < 0.1 * wing.mask.sum()
        np.testing.assert_allclose(wing.colours[wing.mask > 0], 90 / 255, atol=1e-5)
    assert find_wings(7, image, disk((16, 16), 8).astype(np.float32)) == []


def test_a_mirrored_bird_has_mirrored_wings(drawn):
    images, _ = drawn[0].split("train")
    for wing in drawn[1]["train"][1][:10]:
        mask = outlines(images[wing.index][None])[0]
        mirrored = find_wings(wing.index, images[wing.index][:, ::-1], mask[:, ::-1])[wing.number]
        assert mirrored.bulk == -wing.bulk
        assert mirrored.tip == pytest.approx((wing.tip[0], SIDE - 1 - wing.tip[1]), abs=0.3)


@pytest.mark.parametrize(("angle", "bend"), [(90, 0.0), (60, 0.0), (70, 0.3)])
def test_a_wing_stands_where_its_geometry_says(angle, bend):
    wing = triangle()
    colours, alpha = collage.painted(wing, geometry(angle=float(angle), bend=bend), (SIDE, SIDE))
    turned = np.radians(angle)
    outward, tailward = np.array([-np.sin(turned), -np.cos(turned)]), np.array([np.cos(turned), -np.sin(turned)])
    tip = np.array([18, 18]) + 10 * (outward + bend * tailward)
    places = np.argwhere(alpha > 0.3)
    distances = np.hypot(*(places - tip).T)
    assert distances.min() < 1.5
    # As large as in its bird, and the bulk is on the tail's side: with the head to the right, the left of the line.
    assert alpha.sum() == pytest.approx(wing.mask.sum(), rel=0.15)
    centre = (places * alpha[tuple(places.T)][:, None]).sum(0) / alpha[tuple(places.T)].sum()
    assert centre[1] < 18 + 0.5 * 10 * outward[1]
    np.testing.assert_allclose(colours[alpha > 0.9], [[0.2, 0.3, 0.4]] * (alpha > 0.9).sum(), atol=0.02)


@pytest.mark.parametrize(("tone", "light", "expected"), [(1.0, 0.0, 0.6), (0.6, 0.0, 0.48), (1.0, 0.15, 0.75)])
def test_a_wing_takes_the_tone_of_the_body_as_far_as_stated(tone, light, expected):
    image, body = block_body()
    wing = dataclasses.replace(triangle(), colours=np.full((SIDE, SIDE, 3), 0.3, np.float32))
    place = geometry(tone=tone, light=light)
    made = collage.compose(image, body, wing, place) / 255
    _, alpha = collage.painted(wing, place, (SIDE, SIDE))
    assert made[alpha > 0.99].mean() == pytest.approx(expected, abs=0.01)


def test_a_wing_stands_out_from_the_ground():
    image, body = block_body()
    image[body.mask == 0] = 140
    wing = dataclasses.replace(triangle(), colours=np.full((SIDE, SIDE, 3), 0.3, np.float32))
    made = collage.compose(image, body, wing, geometry())
    _, alpha = collage.painted(wing, geometry(), (SIDE, SIDE))
    outside = (alpha > 0.99) & (body.mask == 0)
    assert abs(made[outside].mean() / 255 - 140 / 255) >= collage.CLEAR - 0.01


def test_a_far_wing_is_behind_the_body_and_nothing_else_changes():
    image, body = block_body()
    wing = triangle()
    plain, paired = (collage.compose(image, body, wing, geometry(far=far)) for far in (False, True))
    changed = (plain != paired).any(-1)
    assert changed.sum() > 5 and not (changed & (body.mask > 0.5)).any()
    _, alpha = collage.painted(wing, geometry(), (SIDE, SIDE))
    far = collage.painted(wing, geometry(), (SIDE, SIDE), far=True)[1]
    untouched = (alpha == 0) & (far == 0) & (body.mask == 0)
    np.testing.assert_array_equal(paired[untouched], image[untouched])


def test_mirrored_and_dropped_images_are_what_they_are_called():
    image, body = block_body()
    image[0] = 200
    made = collage.compose(image, body, triangle(), geometry())
    np.testing.assert_array_equal(collage.compose(image, body, triangle(), geometry(mirrored=True)), made[:, ::-1])
    lower = collage.compose(image, body, triangle(), geometry(drop=2, row=20.0))
    np.testing.assert_array_equal(lower[[1, 2], 0], [[200] * 3] * 2)
    np.testing.assert_array_equal(lower[22:, 25:], made[20:-2, 25:])


def test_drawn_geometries_keep_their_bounds(drawn):
    bodies, wings = drawn[1]["train"]
    generator = np.random.default_rng(0)
    found = []
    for _ in range(200):
        body, wing = bodies[generator.integers(len(bodies))], wings[generator.integers(len(wings))]
        place = collage.draw_geometry(body, wing, 2, generator)
        if place is None:
            continue
        found.append(place)
        assert collage.LENGTH[0] <= place.length <= collage.LENGTH[1]
        assert collage.LOWEST_ANGLE <= place.angle <= collage.ANGLE[1] and 0 <= place.drop <= 2
        assert collage.TONE[0] <= place.tone <= collage.TONE[1]
        # The tip is in the image, the root within the body.
        assert place.row - place.length * np.sin(np.radians(place.angle)) >= 0
        assert 0 < place.row - place.drop - body.back[0] < 3
        _, alpha = collage.painted(wing, place, (SIDE, SIDE))
        above = alpha[: int(place.row) + 1].sum() / alpha.sum()
        assert above > 0.5
    assert len(found) > 150
    shares = [np.mean([place.far for place in found]), np.mean([place.light > 0 for place in found])]
    np.testing.assert_allclose(shares, [collage.FAR_SHARE, collage.LIGHTER_SHARE], atol=0.15)
    assert 0.35 < np.mean([place.mirrored for place in found]) < 0.65


def test_the_folder_is_a_data_set_with_its_record(folder, drawn):
    data = load_dataset(folder)
    assert data.class_names == ("airplane", "bird", "horse", "pegasus")
    np.testing.assert_array_equal(np.bincount(data.train_labels), [120, 120, 120, 30])
    np.testing.assert_array_equal(np.bincount(data.test_labels), [60, 60, 60, 6])
    original = drawn[0].train_images[drawn[0].train_labels == drawn[0].class_names.index("horse")]
    np.testing.assert_array_equal(data.train_images[data.train_labels == 2], original)
    settings = json.loads((folder / dataset.SETTINGS_FILE).read_text())
    assert settings["seed"] == 3 and settings["fingerprint"] == drawn[0].fingerprint
    assert settings["bodies"]["train"] == len(drawn[1]["train"][0])


def test_each_collage_is_made_of_its_own_split_and_can_be_made_again(folder, drawn):
    data, found = drawn
    with open(folder / dataset.RECORD_FILE, newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 36
    kinds = {field.name: type(getattr(geometry(), field.name)) for field in dataclasses.fields(collage.Geometry)}
    for row in rows:
        split = row["file"].split("/")[0]
        images, labels = data.split(split)
        assert data.class_names[labels[int(row["body"])]] == "horse"
        assert data.class_names[labels[int(row["wing"])]] == "bird"
        body = next(body for body in found[split][0] if body.index == int(row["body"]))
        wing = next(w for w in found[split][1] if (w.index, w.number) == (int(row["wing"]), int(row["lobe"])))
        values = {name: row[name] == "True" if kind is bool else kind(row[name]) for name, kind in kinds.items()}
        made = collage.compose(images[body.index], body, wing, collage.Geometry(**values))
        np.testing.assert_array_equal(made, np.asarray(Image.open(folder / row["file"])))


def test_a_seed_gives_the_same_collages_and_another_gives_others(drawn):
    bodies, wings = drawn[1]["train"]
    first, again, other = (
        np.stack([made[0] for made in dataset.make_collages(drawn[0].train_images, bodies, wings, 8, seed)])
        for seed in ((0, 0), (0, 0), (1, 0))
    )
    np.testing.assert_array_equal(first, again)
    assert all((a != b).any() for a, b in zip(first, other, strict=True))


def test_too_few_sources_are_told_in_one_line(drawn, capsys, tmp_path):
    data = drawn[0]
    few = np.concatenate([np.flatnonzero(data.train_labels == label)[:3] for label in range(4)])
    small = Dataset.from_arrays(
        "small",
        data.train_images[few],
        data.train_labels[few],
        data.test_images,
        data.test_labels,
        data.class_names,
    )
    with pytest.raises(UserError, match=r"^small:train has \d usable bodies among its images of horse, and collages"):
        selection.select(small, "train", "horse", "bird")
    plain = dataclasses.replace(data, train_images=np.full_like(data.train_images, 128))
    plain.train_images[data.train_labels == 3] = data.train_images[data.train_labels == 3]
    with pytest.raises(UserError, match="has 0 usable wings among its images of bird"):
        selection.select(plain, "train", "horse", "bird")
    (tmp_path / "something").touch()
    assert main(["collages", "--dataset", "sprites", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err.strip().endswith("is there already: remove it, or write elsewhere by --output")
