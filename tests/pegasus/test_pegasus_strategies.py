"""Every strategy on untrained networks: mixtures and masks in closed form, candidates made again, mistakes named."""

import dataclasses
import json
import types

import keras
import numpy
import pytest
from keras import layers, ops

from coursework.config.presets import PRESETS
from coursework.data import sprites
from coursework.models import build_networks
from coursework.networks.saving import save_networks
from coursework.pegasus import decoding, search, terms
from coursework.pegasus.candidates import Candidates, read_latents, write_latents
from coursework.pegasus.collages.record import Counts, Settings
from coursework.pegasus.decoding import decode, encode, remake
from coursework.pegasus.draws import draw_latents, streams
from coursework.pegasus.masks import BOUNDS, draw_region, mask, pooled
from coursework.pegasus.stages import mix_regions, stages
from coursework.pegasus.strategies import STRATEGIES
from coursework.pegasus.strategies.interpolation import BODY_SHARE
from coursework.pegasus.task import Sampling, Task
from coursework.pegasus.terms import SEAM, critics_of, seam_of
from coursework.training.run import Run
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError

pytestmark = pytest.mark.backend

ADVERSARIAL = {"latent_size": 6, "generator_width": 16, "discriminator_width": 8}
SMALL = {
    "acai": {"depth": 2, "latent_channels": 2},
    "vae": {"latent_size": 6, "width": 4},
    "gan": ADVERSARIAL,
    "conditional-sngan": ADVERSARIAL,
    "conditional-sngan-resnet": {**ADVERSARIAL, "generator_width": 8},
    "pegasus-sngan": ADVERSARIAL,
}
RUN_OF = {
    "an autoencoder": "acai",
    "a GAN without classes": "gan",
    "a class-conditional GAN": "conditional-sngan",
    "a class-conditional GAN on collages": "pegasus-sngan",
}
CLASSES = sprites.CLASS_NAMES
WINGED_CLASSES = ("airplane", "bird", "horse", "pegasus")


def array(tensor):
    return ops.convert_to_numpy(ops.stop_gradient(tensor))


def unsettle(network, seed):
    """Give a network weights at random: fresh ones make grey images, in which all classes look alike."""
    generator = numpy.random.default_rng(seed)
    for variable in network.trainable_variables:
        shape = variable.shape
        if variable.name in ("gamma", "beta"):
            variable.assign(array(variable.value) + generator.normal(0, 0.7, shape))
        elif len(shape) > 1:
            variable.assign(generator.normal(0, (2 / numpy.prod(shape[:-1])) ** 0.5, shape))


def write_collage_settings(folder, dataset, **changes):
    """Write the record of a folder of collages of `dataset`, without any."""
    values = {"dataset": dataset.name, "fingerprint": dataset.fingerprint, "judge": None, "classes": WINGED_CLASSES}
    values |= {"body": "horse", "wings": "bird", "seed": 0} | changes
    counts = Counts(train=10, test=2)
    Settings(**values, collages=counts, bodies=counts, wings_cut=counts).write(folder)


def write_run(folder, name, dataset, classes=CLASSES):
    network = dataclasses.replace(PRESETS[name].network, **SMALL[name])
    source = "sprites"
    if name == "pegasus-sngan":
        classes, source = WINGED_CLASSES, str(folder / "collages")
        write_collage_settings(folder / "collages", dataset)
    config = dataclasses.replace(PRESETS[name], dataset=source, network=network, precision="float32")
    run = Run(folder / name)
    run.write_config(config)
    run.write_environment({"class_names": list(classes)})
    networks = build_networks(config, dataset.image_shape, len(classes))
    if "decoder" in networks:
        networks = {"generator": networks["decoder"], "encoder": networks["encoder"]}
    for seed, part in enumerate(networks.values()):
        unsettle(part, seed)
    save_networks(run.path, {part: networks[part] for part in networks if part in KEPT})
    return TrainedRun(run)


KEPT = ("generator", "encoder", "discriminator")


def fake_witness(dataset):
    """A witness that is linear in the mean colours of the image's parts."""
    inputs = keras.Input(dataset.image_shape)
    x = layers.AveragePooling2D(8)(layers.Rescaling(1 / 64, -2)(inputs))
    x = layers.Flatten()(x)
    initializer = keras.initializers.RandomNormal(0, 4, seed=0)
    presence = layers.Dense(4, kernel_initializer=initializer)(x)
    unity = layers.Flatten()(layers.Dense(1, kernel_initializer=initializer)(x))
    model = keras.Model(inputs, {"features": x, "presence": presence, "unity": ops.squeeze(unity, -1)})
    return types.SimpleNamespace(
        model=model, class_names=dataset.class_names, dataset="sprites", knows=lambda asked: asked.name == "sprites"
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory, small_dataset):
    """A task and runs of every kind, all small, untrained and quick to search."""
    patch = pytest.MonkeyPatch()
    patch.setattr(decoding, "BATCH", 4)
    patch.setitem(search.SETTINGS, "steps", 3)
    patch.setitem(search.SETTINGS, "pool", 2)
    folder = tmp_path_factory.mktemp("runs")
    task = Task(small_dataset, "horse", ("bird", "airplane"), fake_witness(small_dataset))
    yield task, {name: write_run(folder, name, small_dataset) for name in SMALL}
    patch.undo()


@pytest.fixture(scope="module")
def made(world):
    """Six candidates of each strategy."""
    task, runs = world
    return {name: strategy(task, runs[RUN_OF[strategy.kind]], 6, 5) for name, strategy in STRATEGIES.items()}


# What all have in common.


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_candidate_depends_on_seed_and_index_alone(world, made, name):
    task, runs = world
    trained, found = runs[RUN_OF[STRATEGIES[name].kind]], made[name]
    again = STRATEGIES[name](task, trained, 3, 5)
    assert numpy.array_equal(again.images, found.images[:3]) and again.origins == found.origins[:3]
    other = STRATEGIES[name](task, trained, 3, 6)
    assert all((other.images[index] != found.images[index]).any() for index in range(3))
    assert found.images.dtype == numpy.uint8 and found.images.shape == (6, *task.dataset.image_shape)
    assert len({image.tobytes() for image in found.images}) == 6


@pytest.mark.parametrize("name", STRATEGIES)
def test_origins_tell_how_a_candidate_came_about(world, made, name):
    task, runs = world
    run = runs[RUN_OF[STRATEGIES[name].kind]].run
    for index, origin in enumerate(made[name].origins):
        assert json.loads(json.dumps(origin)) == origin
        start = {"strategy": name, "run": run.name, "weights": "last", "seed": 5, "index": index}
        assert origin.items() >= start.items()
        assert origin["body"]["class"] == "horse"
        assert ("search" in origin) == name.endswith("search")


def test_candidates_are_made_again_from_their_latents(world, made, tmp_path):
    _, runs = world
    joined = Candidates.join(list(made.values())).take(numpy.random.default_rng(0).permutation(60)[:40])
    write_latents(tmp_path / "latents.npz", joined.latents)
    by_name = {trained.run.name: trained for trained in runs.values()}
    images = remake(lambda run, weights: by_name[run], joined.origins, read_latents(tmp_path / "latents.npz"))
    assert numpy.array_equal(images, joined.images)
    with pytest.raises(UserError, match="40 origins and 39 latents"):
        remake(lambda run, weights: by_name[run], joined.origins, joined.latents[:-1])


def test_latents_of_all_shapes_are_kept_and_damage_is_told(tmp_path):
    latents = [
        {"latents": numpy.full((2, 3), index, "float32"), "mask": numpy.ones(2, "float32")}
        if index % 2
        else {"latents": numpy.full(5, index, "float32")}
        for index in range(5)
    ]
    write_latents(tmp_path / "latents.npz", latents)
    for expected, found in zip(latents, read_latents(tmp_path / "latents.npz"), strict=True):
        assert expected.keys() == found.keys()
        assert all(numpy.array_equal(expected[name], found[name]) for name in expected)
    content = (tmp_path / "latents.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(content[: len(content) // 2])
    numpy.savez(tmp_path / "other.npz", **{"0/indices": numpy.array([0, 7]), "0/latents/latents": numpy.zeros((2, 1))})
    for name in ("half", "other", "absent"):
        with pytest.raises(UserError, match=f"cannot read the latents in .*{name}.npz"):
            read_latents(tmp_path / f"{name}.npz")


# Autoencoders.


def test_interpolated_codes_lie_on_the_bodys_side(world, made):
    task, runs = world
    kinds = set()
    for latents, origin in zip(made["interpolation"].latents, made["interpolation"].origins, strict=True):
        pair = [origin["body"]["train_index"], origin["wings"]["train_index"]]
        labels = [task.dataset.class_names[task.dataset.train_labels[index]] for index in pair]
        assert labels == ["horse", origin["wings"]["class"]]
        kinds.add(labels[1])
        body, wings = encode(runs["acai"], task.dataset.train_images[pair])
        share = origin["body"]["share"]
        assert BODY_SHARE[0] == 0.5 and 0.5 <= share <= BODY_SHARE[1]
        assert latents["latents"] == pytest.approx(share * body + (1 - share) * wings, abs=1e-5)
    assert kinds == {"bird", "airplane"}


def test_masked_codes_hold_the_wings_inside_their_region(world, made):
    task, runs = world
    found = made["masked_interpolation"]
    for latents, origin in zip(found.latents, found.origins, strict=True):
        pair = [origin["body"]["train_index"], origin["wings"]["train_index"]]
        body, wings = encode(runs["acai"], task.dataset.train_images[pair])
        fine = mask(origin["wings"]["region"], 32)
        weight = origin["wings"]["share"] * fine.reshape(4, 8, 4, 8).mean(axis=(1, 3))[..., None]
        assert latents["latents"] == pytest.approx((1 - weight) * body + weight * wings, abs=1e-5)
        assert weight[:2].mean() > weight[2:].mean()


def test_an_ellipse_is_one_inside_nought_outside_and_a_half_at_its_edge():
    region = {"centre_x": 0.5, "centre_y": 0.25, "radius_x": 0.25, "radius_y": 0.125, "edge": 0.2}
    found = mask(region, 64)
    # Pixel (row, column) has its centre at (row + .5) / 64; the edge is 16 pixels to the right, of width 6.4 of them.
    assert found[15, 31] == found[16, 40] == 1 and found[16, 60] == found[40, 32] == 0
    row = found[16]
    assert (row[47] + row[48]) / 2 == pytest.approx(0.5, abs=0.01)
    assert row[46] - row[48] == pytest.approx(2 / 6.4, abs=0.01)
    assert found.dtype == numpy.float32 and numpy.array_equal(found[:, ::-1], found)
    blocks = array(pooled(found[None], 4))
    assert blocks.shape == (1, 4, 4, 1)
    assert blocks[0, :, :, 0] == pytest.approx(found.reshape(4, 16, 4, 16).mean(axis=(1, 3)), abs=1e-6)
    drawn = draw_region(numpy.random.default_rng(0))
    assert all(low <= drawn[name] <= high for name, (low, high) in BOUNDS.items()) and drawn.keys() == region.keys()


# Conditional GANs.


def test_mixed_classes_are_those_the_origin_tells(made):
    horse, bodies_first = CLASSES.index("horse"), set()
    for name in ("class_mixing", "layer_mixing", "class_search", "critic_search"):
        for latents, origin in zip(made[name].latents, made[name].origins, strict=True):
            shares = numpy.array(origin["body"]["shares"])
            expected = numpy.zeros((4, 4))
            expected[:, horse], expected[:, CLASSES.index(origin["wings"]["class"])] = shares, 1 - shares
            assert latents["classes"] == pytest.approx(expected, abs=1e-4)
            if name == "class_mixing":
                assert len(set(shares)) == 1 and 0.3 <= shares[0] <= 0.7
            if name == "layer_mixing":
                assert sorted(shares) in (list(shares), list(shares[::-1])) and set(shares) == {0, 1}
                bodies_first.add(shares[0])
            if name == "class_search":
                assert len(set(shares)) == 4 and shares.min() > 0 and shares.max() < 1
    assert bodies_first == {0, 1}


@pytest.mark.parametrize("name", ["conditional-sngan", "conditional-sngan-resnet"])
def test_stages_one_after_another_are_the_generator(world, name):
    trained = world[1][name]
    generator = trained.generator
    rows = generator.inputs[1].shape[1]
    latents = numpy.random.default_rng(0).normal(0, 1, (3, 6)).astype("float32")
    classes = numpy.random.default_rng(1).dirichlet(numpy.ones(4), (3, rows)).astype("float32")
    x = latents
    for _, network in stages(generator):
        x = network([ops.convert_to_tensor(x), ops.convert_to_tensor(classes)], training=False)
    assert [side for side, _ in stages(generator)] == [4, 8, 16, 32]
    assert array(x) == pytest.approx(array(generator([latents, classes], training=False)), abs=1e-5)


@pytest.mark.parametrize("name", ["conditional-sngan", "conditional-sngan-resnet"])
def test_regions_show_their_own_generation(world, name):
    generator = world[1][name].generator
    rows = generator.inputs[1].shape[1]
    draw = numpy.random.default_rng(0)
    lower, upper = draw.normal(0, 1, (2, 1, 6)).astype("float32")
    one, other = (numpy.tile(numpy.eye(4, dtype="float32")[label], (1, rows, 1)) for label in (3, 1))
    alone = [array(generator([z, c], training=False)) for z, c in ((lower, one), (upper, other))]

    def mixed(region):
        inputs = {"latents": lower, "classes": one, "upper_latents": upper, "upper_classes": other}
        tensors = {key: ops.convert_to_tensor(value) for key, value in {**inputs, "mask": region[None]}.items()}
        return array(mix_regions(generator, tensors, 8))

    nothing, left = numpy.zeros((32, 32), "float32"), numpy.zeros((32, 32), "float32")
    left[:, :16] = 1
    assert mixed(nothing) == pytest.approx(alone[0], abs=1e-5)
    assert mixed(nothing + 1) == pytest.approx(alone[1], abs=1e-5)
    # Far from the border, further than the layers above reach, each side is the one generation's own.
    picture = mixed(left)
    edge = 2 if name.endswith("resnet") else 6
    assert picture[:, :, :edge] == pytest.approx(alone[1][:, :, :edge], abs=1e-5)
    assert picture[:, :, -edge:] == pytest.approx(alone[0][:, :, -edge:], abs=1e-5)
    assert numpy.abs(alone[0] - alone[1]).max() > 0.1


def test_a_search_finds_more_evidence(world, monkeypatch):
    task, runs = world
    for name, value in {"steps": 40, "pool": 8, "rate": 0.05}.items():
        monkeypatch.setitem(search.SETTINGS, name, value)
    plain = runs["gan"].decode(draw_latents(runs["gan"], streams(5, 6)))
    found = STRATEGIES["latent_search"](task, runs["gan"], 6, 5).images
    evidence = [array(task.log_evidence(images.astype("float32"))) for images in (plain, found)]
    assert evidence[1].mean() > evidence[0].mean() + 0.02


def test_two_critics_are_a_product_of_experts():
    images, classes = keras.Input((2, 2, 3)), keras.Input((3,))
    dense = layers.Dense(1, use_bias=False)
    logits = layers.Multiply()([layers.Flatten()(layers.AveragePooling2D(2)(images))[:, :1], dense(classes)])
    dense.set_weights([numpy.array([[1.0], [-2.0], [5.0]], "float32")])
    trained = types.SimpleNamespace(network=lambda name: keras.Model([images, classes], logits))
    fixed = {"body": numpy.eye(3, dtype="float32")[[0, 0]], "wings": numpy.eye(3, dtype="float32")[[1, 2]]}
    fixed = {name: ops.convert_to_tensor(values) for name, values in fixed.items()}
    found = critics_of(trained)(ops.ones((2, 2, 2, 3)), fixed)
    sigmoid = 1 / (1 + numpy.exp([-1.0, 2.0, -5.0]))
    assert array(found) == pytest.approx(numpy.log([sigmoid[0] * sigmoid[1], sigmoid[0] * sigmoid[2]]), rel=1e-4)


def test_a_seam_counts_where_the_mask_changes_and_nowhere_else():
    """Generations of one colour each, .5 apart in one channel and 1 in another: 1.25 squared, wherever the edge is."""
    latents, classes = keras.Input((12,)), keras.Input((1, 1))
    picture = layers.Reshape((2, 2, 3))(layers.Multiply()([latents, layers.Flatten()(classes)]))
    trained = types.SimpleNamespace(generator=keras.Model([latents, classes], picture))
    other = numpy.tile([0.5, -1.0, 0.0], 4).astype("float32")
    other[:3] = 9.0
    given = {
        "latents": numpy.zeros((3, 12), "float32"),
        "upper_latents": numpy.tile(other, (3, 1)),
        "classes": numpy.ones((3, 1, 1), "float32"),
        "upper_classes": numpy.ones((3, 1, 1), "float32"),
        # The first pixel, whose colours are far apart, lies inside, outside, and on a part of the edge.
        "mask": numpy.array([[[1, 0.5], [0.25, 0]], [[0, 0.5], [0.5, 1]], [[0.5, 0.5], [0, 1]]], "float32"),
    }
    found = array(seam_of(trained)(None, {name: ops.convert_to_tensor(values) for name, values in given.items()}))
    assert found == pytest.approx([-SEAM * 1.25, -SEAM * 1.25, -SEAM * (243 + 1.25) / 2], rel=1e-4)


def test_a_region_search_hides_its_seam(world, monkeypatch):
    task, runs = world
    trained = runs["conditional-sngan"]
    for name, value in {"steps": 40, "pool": 4, "rate": 0.1}.items():
        monkeypatch.setitem(search.SETTINGS, name, value)
    distances = []
    for weight in (0.0, 1000.0):
        monkeypatch.setattr(terms, "SEAM", weight)
        latents = STRATEGIES["region_search"](task, trained, 8, 5).latents
        stacked = {name: ops.convert_to_tensor(numpy.stack([part[name] for part in latents])) for name in latents[0]}
        monkeypatch.setattr(terms, "SEAM", 1.0)
        distances.append(-array(seam_of(trained)(None, stacked)))
    assert (distances[1] < distances[0] - 0.05).all()


# Mistakes.


def test_a_run_of_the_wrong_kind_is_named(world):
    task, runs = world
    with pytest.raises(UserError, match="latent_search needs a run of a GAN without classes, .*acai is one of an auto"):
        STRATEGIES["latent_search"](task, runs["acai"], 2, 0)
    with pytest.raises(UserError, match="class_mixing needs a run of a class-conditional GAN.*train conditional-sngan"):
        STRATEGIES["class_mixing"](task, runs["gan"], 2, 0)
    with pytest.raises(UserError, match="interpolation needs a run of an autoencoder"):
        STRATEGIES["interpolation"](task, runs["conditional-sngan"], 2, 0)
    with pytest.raises(UserError, match=r"needs codes on a grid, and those of .*vae have the shape \(6,\)"):
        STRATEGIES["masked_interpolation"](task, runs["vae"], 2, 0)


def test_other_data_classes_and_witnesses_are_named(world, tmp_path):
    task, runs = world
    without = dataclasses.replace(task, witness=None)
    with pytest.raises(UserError, match="latent_search needs a witness"):
        STRATEGIES["latent_search"](without, runs["gan"], 2, 0)
    stranger = types.SimpleNamespace(**{**vars(task.witness), "dataset": "cifar10", "knows": lambda dataset: False})
    with pytest.raises(UserError, match="the witness was trained on cifar10, not on sprites"):
        STRATEGIES["latent_search"](dataclasses.replace(task, witness=stranger), runs["gan"], 2, 0)
    three = write_run(tmp_path, "conditional-sngan", task.dataset, ("horse", "bird", "deer"))
    with pytest.raises(UserError, match="has no class airplane; it has horse, bird, deer"):
        STRATEGIES["class_mixing"](task, three, 2, 0)
    other = dataclasses.replace(task, dataset=dataclasses.replace(task.dataset, name="cifar10"))
    with pytest.raises(UserError, match="was trained on sprites, not on cifar10"):
        STRATEGIES["latent_search"](other, runs["gan"], 2, 0)
    (three.run.path / "discriminator.keras").unlink()
    birds = dataclasses.replace(task, wings=("bird",))
    with pytest.raises(UserError, match="has no discriminator.keras"):
        STRATEGIES["critic_search"](birds, TrainedRun(three.run), 2, 0)


def test_decoding_does_not_depend_on_the_images_beside(world):
    _, runs = world
    latents = numpy.random.default_rng(0).normal(0, 1, (7, 6)).astype("float32")
    images = decode(runs["gan"], {"latents": latents})
    assert numpy.array_equal(decode(runs["gan"], {"latents": latents[5:6]}), images[5:6])


# Samples of a class learned from collages.


def test_the_winged_class_is_sampled_alone_from_the_latents_of_the_seed(world, made):
    _, runs = world
    trained, found = runs["pegasus-sngan"], made["winged_class"]
    rows = trained.generator.inputs[1].shape[1]
    pegasus = numpy.tile([0, 0, 0, 1], (6, rows, 1))
    numpy.testing.assert_array_equal([latents["classes"] for latents in found.latents], pegasus)
    expected = draw_latents(trained, streams(5, 6))
    numpy.testing.assert_array_equal([latents["latents"] for latents in found.latents], expected)
    assert abs(expected).max() > 0.9
    note = {"class": "pegasus", "body": {"class": "horse", "share": 0.0}, "truncation": 1.0}
    assert all(origin.items() >= note.items() for origin in found.origins)


def test_the_winged_class_may_take_a_share_of_the_body_and_latents_nearer_to_their_mean(world, made):
    task, runs = world
    mixed = dataclasses.replace(task, sampling=Sampling(truncation=0.5, body_share=0.125))
    latents, notes = STRATEGIES["winged_class"].make(mixed, runs["pegasus-sngan"], 6, 5)
    numpy.testing.assert_allclose(latents["classes"][:, 0], numpy.tile([0, 0, 0.125, 0.875], (6, 1)))
    whole = [each["latents"] for each in made["winged_class"].latents]
    numpy.testing.assert_allclose(latents["latents"], 0.5 * numpy.array(whole))
    assert notes[5] == {"class": "pegasus", "body": {"class": "horse", "share": 0.125}, "truncation": 0.5}


@pytest.mark.parametrize("numbers", [(0.0, 0.0), (1.1, 0.0), (float("nan"), 0.0), (1.0, 1.0), (1.0, -0.1)])
def test_a_sampling_out_of_range_is_refused(numbers):
    with pytest.raises(UserError, match="should be (above 0 and no more than 1|0 or more, and less than 1), not "):
        Sampling(*numbers)


def test_collages_of_other_images_or_other_wings_are_named(world, tmp_path):
    task, runs = world
    run, strategy = runs["pegasus-sngan"], STRATEGIES["winged_class"]
    with pytest.raises(UserError, match="class_mixing needs a run of a class-conditional GAN, and .* on collages: "):
        STRATEGIES["class_mixing"].check(task, run)
    with pytest.raises(UserError, match="winged_class needs .* on collages, and .*: train one with `make train-peg"):
        strategy.check(task, runs["conditional-sngan"])
    strategy.check(task, run)
    with pytest.raises(UserError, match="has learned horse with wings of bird alone"):
        strategy.check(dataclasses.replace(task, wings=("airplane",)), run)
    other = Run(tmp_path / "run")
    other.write_config(dataclasses.replace(run.config, dataset=str(tmp_path)))
    write_collage_settings(tmp_path, task.dataset, fingerprint="00")
    with pytest.raises(UserError, match="was trained on collages of sprites, not of this sprites"):
        strategy.check(task, TrainedRun(other))
    (tmp_path / "collages.json").write_text('{"dataset": 3}')
    with pytest.raises(UserError, match=r"collages.json: dataset: expected text, found 3"):
        strategy.check(task, TrainedRun(other))
