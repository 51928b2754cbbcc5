"""The judge of winged horses: the adversary, the examples and their sources, training, and its files."""

import dataclasses
import json

import numpy as np
import pytest
from keras import ops

from coursework.data import sprites
from coursework.data.dataset import Dataset
from coursework.extractors import judge as judges
from coursework.extractors.recorded import class_fingerprints, save
from coursework.metrics.classification import area_under_curve
from coursework.pegasus import winged_examples, winged_judge, winged_training
from coursework.pegasus.collages.bodies import Body
from coursework.pegasus.collages.wings import Wing
from coursework.pegasus.winged_examples import SHARES, Sources, augmented, examples, find_sources, warped
from coursework.pegasus.winged_judge import WingedJudge, belief, build, find_winged_judge, load
from coursework.pegasus.winged_training import (
    AdversarialTraining,
    ExampleBatches,
    attack,
    ensure_winged_judge,
    train_winged_judge,
)
from coursework.util.errors import UserError

SIDE = 32


@pytest.fixture(scope="module")
def drawn():
    return sprites.load(train_per_class=10, test_per_class=70)


@pytest.fixture(scope="module")
def sources(drawn):
    return find_sources(drawn, "test", "horse", "bird", None)


def linear(weights, offset=0.0):
    """A network whose log-odds are a linear function of images in [0, 255]."""

    def network(images, training):
        return {"log_odds": ops.sum(ops.multiply(images, weights), axis=(1, 2, 3)) + offset}

    return network


def norms(change):
    return np.sqrt((np.asarray(change, np.float64) ** 2).sum(axis=(1, 2, 3)))


@pytest.mark.backend
def test_the_attack_on_a_linear_model_is_its_gradient():
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(8, 8, 3)).astype(np.float32)
    images = np.full((4, 8, 8, 3), 128, np.float32)
    truth = np.array([1, 0, 1, 0], np.float32)
    radius = 0.5 * 255
    start, moved = (
        ops.convert_to_numpy(attack(linear(weights), images, truth, 0.5, steps, 0)) - images for steps in (0, 1)
    )
    np.testing.assert_allclose(norms(start), radius, rtol=1e-4)
    assert np.abs(start[0] - start[1]).max() > 1
    # One step of 2.5 radii along the gradient, away from the truth, then back onto the ball.
    gradient = (1 - 2 * truth)[:, None, None, None] * weights / np.sqrt((weights**2).sum())
    there = start + 2.5 * radius * gradient
    np.testing.assert_allclose(moved, there * (radius / norms(there))[:, None, None, None], atol=1e-3)
    # A linear function changes at most by the radius times the norm of its gradient.
    rise = (moved * gradient).sum(axis=(1, 2, 3))
    assert (rise > 0.9 * radius).all() and (rise <= radius * (1 + 1e-5)).all()


@pytest.mark.backend
def test_the_attack_stays_within_ball_and_range_and_raises_the_loss():
    network = build((16, 16, 3), width=4)
    images = np.random.default_rng(1).integers(0, 256, (6, 16, 16, 3)).astype(np.float32)
    truth = np.array([1, 0, 1, 0, 1, 0], np.float32)
    moved = ops.convert_to_numpy(attack(network, images, truth, 0.5, 3, 0))
    assert moved.min() >= 0 and moved.max() <= 255
    assert (norms(moved - images) <= 0.5 * 255 * (1 + 1e-5)).all() and norms(moved - images).min() > 0.3 * 255
    random = ops.convert_to_numpy(attack(network, images, truth, 0.5, 0, 0))
    before, by_chance, after = (network.predict(x, verbose=0)["log_odds"] for x in (images, random, moved))
    sign = 1 - 2 * truth
    assert (sign * (after - before) > 0).all()
    assert (sign * (after - by_chance)).mean() > 0


def test_a_warp_moves_pixels_by_its_strength():
    ramp = np.broadcast_to(np.arange(SIDE, dtype=np.float32)[:, None, None], (200, SIDE, SIDE, 1)).copy()
    moved = warped(ramp, np.full(200, 2.0), np.random.default_rng(0))[:, 10:22, 10:22] - ramp[:, 10:22, 10:22]
    # Between the points of the grid the moves average out a little.
    assert 1.3 < moved.std() < 2.2 and abs(moved.mean()) < 0.2
    np.testing.assert_array_equal(warped(ramp[:2], np.zeros(2), np.random.default_rng(0)), ramp[:2])


def test_examples_have_their_shares_and_truth(sources):
    images, truth, kinds = examples(sources, 100, 3)
    assert images.dtype == np.uint8 and images.shape == (len(truth), SIDE, SIDE, 3)
    assert sum(SHARES.values()) == pytest.approx(1)
    for kind, share in SHARES.items():
        assert (kinds == kind).sum() == round(100 * share)
    np.testing.assert_array_equal(truth, kinds == "collage")
    again = examples(sources, 100, 3)
    np.testing.assert_array_equal(again[0], images)
    assert not np.array_equal(examples(sources, 100, 4)[0], images)
    # Images as they are come from the classes that they are said to come from.
    known = {image.tobytes(): index for index, image in enumerate(sources.images)}
    for kind in ("body", "winged class", "other"):
        assert {known[image.tobytes()] for image in images[kinds == kind]} <= set(sources.members[kind])


def test_sources_are_of_one_split_and_their_parts_share_nothing(drawn, sources):
    labels = drawn.test_labels
    names = [drawn.class_names.index(name) for name in ("horse", "bird")]
    assert {labels[body.index] for body in sources.bodies} == {names[0]}
    assert {labels[wing.index] for wing in sources.wings} == {names[1]}
    np.testing.assert_array_equal(sources.images, drawn.test_images)
    first, second = sources.parts(0.25)
    for kind in ("bodies", "wings"):
        mine, others = ({part.index for part in getattr(some, kind)} for some in (first, second))
        assert mine and others and not mine & others
    assert len(first.bodies) + len(second.bodies) == len(sources.bodies)
    for kind in sources.members:
        assert not set(first.members[kind]) & set(second.members[kind])
    for mine, other in ((first, second), (second, first)):
        assert {body.index for body in mine.bodies} <= set(mine.members["body"])
        assert not {body.index for body in other.bodies} & set(mine.members["body"])


def block_sources():
    """One grey body on a dark ground and one bright wing."""
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[14:26, 8:24] = 1
    image = np.where(mask[..., None] > 0, 153, 26).astype(np.uint8).repeat(3, axis=-1)
    body = Body(0, False, mask, (14.0, 17.0), 12.0)
    rows, columns = np.indices((SIDE, SIDE))
    shape = ((columns >= 10) & (columns <= 20) & (abs(rows - 12) <= 2)).astype(np.float32)
    wing = Wing(1, 0, shape, np.full((SIDE, SIDE, 3), 0.9, np.float32), (12.0, 10.0), (12.0, 20.0), 1, 0.5)
    members = {name: np.array([0, 1]) for name in ("body", "winged class", "other")}
    return Sources(np.stack([image, image]), members, [body], [wing])


def test_misplaced_wings_lie_where_they_are_said_to(monkeypatch):
    sources = block_sources()
    kinds = winged_examples.MISPLACED
    for name, first, last in (("floating", 0, 14), ("below", 14, 32)):
        monkeypatch.setattr(winged_examples, "MISPLACED", {name: kinds[name]})
        for image in winged_examples._misplaced(sources, 8, np.random.default_rng(0)):
            bare = min((sources.images[0], sources.images[0][:, ::-1]), key=lambda x: (x != image).sum())
            changed = np.flatnonzero((np.abs(image.astype(int) - bare) > 20).any(axis=(1, 2)))
            assert len(changed) and first <= changed.min() and changed.max() < last, name


def test_a_painted_over_body_leaves_its_ground():
    sources = block_sources()
    bare = winged_examples._without_figure(sources.images[0], sources.bodies[0].mask)
    np.testing.assert_array_equal(bare, np.full((SIDE, SIDE, 3), 26))


def test_batches_depend_on_seed_and_epoch_alone(sources):
    images, truth, _ = examples(sources, 100, 0)
    first, same, other = (ExampleBatches(images, truth, 32, seed) for seed in (5, 5, 6))
    for batches in (first, same, other):
        batches.on_epoch_begin()
    np.testing.assert_array_equal(first[1][0], same[1][0])
    np.testing.assert_array_equal(first[1][1], same[1][1])
    assert not np.array_equal(first[1][0], other[1][0])
    assert augmented(images[:5], np.random.default_rng(0)).dtype == np.uint8


@pytest.mark.backend
def test_a_training_step_lowers_the_loss():
    generator = np.random.default_rng(0)
    truth = np.arange(64) % 2
    images = np.where(truth[:, None, None, None] == 1, 170, 80) + generator.normal(0, 20, (64, 8, 8, 3))
    training = AdversarialTraining(build((8, 8, 3), width=4), 0.5, 1, 0)
    training.compile("adam", jit_compile=False)
    losses = [
        training.train_on_batch(images.astype(np.float32), truth.astype(np.float32), return_dict=True)["loss"]
        for _ in range(12)
    ]
    assert losses[-1] < 0.8 * losses[0]


def tiny_judge(dataset, **changes):
    values = {
        "model": build(dataset.image_shape, width=4, calibration=(2.0, -1.0)),
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "class_names": dataset.class_names,
        "class_fingerprints": class_fingerprints(dataset),
        **{"width": 4, "epochs": 1, "seed": 0, "seconds": 1.5, "sha256": "", "body": "horse", "wings": "bird"},
        **{"radius": 0.5, "attack_steps": 3, "bodies": 9, "wings_cut": 6, "examples": 100},
        **{"auc": 0.9, "robust_auc": 0.8, "calibration_error": 0.02},
    }
    return WingedJudge(**(values | changes))


def test_a_saved_judge_comes_back_whole(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(judges, "JUDGES", tmp_path)
    assert find_winged_judge(drawn, "horse", ("bird",)) is None
    judge = save(tiny_judge(drawn), judges.judge_folder(drawn))
    again = find_winged_judge(drawn, "horse", ("bird",))
    same = {field.name for field in dataclasses.fields(WingedJudge)} - {"model"}
    assert all(getattr(again, name) == getattr(judge, name) for name in same) and len(again.sha256) == 64
    found = belief(again, drawn.test_images[:9])
    assert found.shape == (9,) and found.dtype == np.float64 and ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(found, belief(judge, drawn.test_images[:9]))
    raw = build(drawn.image_shape, width=4)
    raw.set_weights(judge.model.get_weights())
    log_odds = raw.predict(drawn.test_images[:9], verbose=0)["log_odds"]
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-(2.0 * log_odds - 1.0))), atol=1e-5)
    # A selection of the classes is known, other images are not.
    assert find_winged_judge(drawn.only(["horse", "bird"]), "horse", ("airplane", "bird")) is not None
    training = drawn.train_images[1:], drawn.train_labels[1:]
    other = Dataset.from_arrays(drawn.name, *training, drawn.test_images, drawn.test_labels, drawn.class_names)
    assert find_winged_judge(other, "horse", ("bird",)) is None
    assert find_winged_judge(drawn, "deer", ("bird",)) is None and find_winged_judge(drawn, "horse", ("deer",)) is None


def test_a_judge_is_trained_where_there_is_none_of_these_classes(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(judges, "JUDGES", tmp_path)
    asked = []
    monkeypatch.setattr(
        winged_training, "train_winged_judge", lambda dataset, **options: asked.append((dataset, options)) or "trained"
    )
    assert ensure_winged_judge(drawn, "horse", "bird", asked.append) == "trained"
    assert asked == [(drawn, {"body": "horse", "wings": "bird", "report": asked.append})]
    judge = save(tiny_judge(drawn), judges.judge_folder(drawn))
    assert ensure_winged_judge(drawn, "horse", "bird").sha256 == judge.sha256 and len(asked) == 1
    assert ensure_winged_judge(drawn, "deer", "bird") == "trained"


def test_mistakes_end_in_one_line(drawn, tmp_path):
    with pytest.raises(UserError, match="no winged in .*: train one with `python -m coursework judge --role winged`"):
        load(tmp_path)
    save(tiny_judge(drawn), tmp_path)
    record = json.loads((tmp_path / "winged.json").read_text())
    (tmp_path / "winged.json").write_text(json.dumps({**record, "auc": "high"}))
    with pytest.raises(UserError, match="auc should be of type float"):
        load(tmp_path)
    with pytest.raises(UserError, match="the winged of sprites takes uint8 images"):
        belief(tiny_judge(drawn), drawn.test_images[:2].astype(np.float32))
    with pytest.raises(UserError, match="zebra"):
        train_winged_judge(drawn, tmp_path / "new", body="zebra", progress=False)
    few = sprites.load(train_per_class=12, test_per_class=12)
    with pytest.raises(UserError, match=r"sprites:test has \d usable .*: give another class or more images"):
        train_winged_judge(few, tmp_path / "new", progress=False)


@pytest.mark.slow
def test_a_small_training_separates_and_is_kept(tmp_path, monkeypatch):
    drawn = sprites.load(train_per_class=120, test_per_class=200)
    monkeypatch.setattr(judges, "JUDGES", tmp_path)
    monkeypatch.setattr(winged_training, "MEASURED", 300)
    monkeypatch.setattr(winged_training, "ADVERSARIAL_EPOCHS", 1)
    lines = []
    options = {"epochs": 6, "width": 8, "count": 1200, "progress": False, "report": lines.append}
    judge = train_winged_judge(drawn, **options)
    assert judge.auc > 0.75 and 0 <= judge.robust_auc <= judge.auc and judge.calibration_error < 0.2
    assert winged_judge.load(judges.JUDGES / "sprites").sha256 == judge.sha256
    assert train_winged_judge(drawn, **options).sha256 == judge.sha256 and "already" in lines[-1]
    pegasi, horses = sprites.pegasi(200, 5), sprites.render("horse", 200, 6)
    assert area_under_curve(belief(judge, pegasi), belief(judge, horses)) > 0.7
