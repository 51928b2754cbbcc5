"""From a run to images: seeds, the latents of each model, missing and damaged parts, the three kinds of output."""

import dataclasses

import numpy
import pytest
from PIL import Image

from coursework.config.models import ACAIConfig
from coursework.config.networks import AutoencoderConfig
from coursework.config.presets import PRESETS
from coursework.data import Dataset
from coursework.figures.grids import grid
from coursework.models import build_model, build_networks
from coursework.models.base import to_uint8
from coursework.networks.latents import fit_codes
from coursework.networks.saving import save_networks
from coursework.training import sampling
from coursework.training.run import Run
from coursework.training.sampling import TrainedRun, write_samples
from coursework.training.state import Position, save_state
from coursework.util.errors import UserError

pytestmark = pytest.mark.backend

GAN = dataclasses.replace(
    PRESETS["gan"],
    network=dataclasses.replace(PRESETS["gan"].network, latent_size=4, generator_width=8, discriminator_width=8),
)
CONDITIONAL = dataclasses.replace(
    PRESETS["conditional-sngan"],
    network=dataclasses.replace(
        PRESETS["conditional-sngan"].network, latent_size=4, generator_width=32, discriminator_width=8
    ),
    classes=("horse", "bird", "frog"),
)
ACAI = dataclasses.replace(
    PRESETS["acai"],
    model=ACAIConfig(),
    network=AutoencoderConfig(depth=2, latent_width=4, latent_channels=2),
)


def write_run(folder, config):
    """Write an untrained run as training would have left it."""
    run = Run(folder)
    run.write_config(config)
    networks = build_networks(config, (16, 16, 3), len(config.classes))
    if "decoder" in networks:
        networks = {"generator": networks["decoder"], "encoder": networks["encoder"]}
        codes = numpy.random.default_rng(0).normal(2.0, 0.5, (100, 4, 4, 2))
        numpy.savez(run.code_statistics, **fit_codes(codes))
    save_networks(run.path, networks)
    return run


@pytest.fixture(scope="module")
def gan(tmp_path_factory):
    return TrainedRun(write_run(tmp_path_factory.mktemp("gan"), GAN))


@pytest.fixture
def conditional(tmp_path):
    trained = TrainedRun(write_run(tmp_path / "conditional", CONDITIONAL))
    # Before training all classes look alike.
    for index in range(4):
        layer = trained.generator.get_layer(f"normalization_{index}")
        layer.beta.assign(numpy.random.default_rng(index).normal(size=layer.beta.shape))
    return trained


@pytest.fixture
def acai(tmp_path):
    return TrainedRun(write_run(tmp_path / "acai", ACAI))


def test_the_same_seed_gives_the_same_images(gan):
    images = gan.sample(6, seed=3)
    assert images.shape == (6, 16, 16, 3) and images.dtype == numpy.uint8 and numpy.ptp(images) > 0
    assert numpy.array_equal(TrainedRun(gan.run).sample(6, seed=3), images)
    assert not numpy.array_equal(gan.sample(6, seed=4), images)
    assert len({image.tobytes() for image in images}) == 6


def test_more_images_begin_with_the_same_ones(gan):
    few, many = gan.sample(5, seed=1).astype(int), gan.sample(300, seed=1).astype(int)
    # Batches of another size may round otherwise.
    assert abs(many[:5] - few).max() <= 1


def test_latents_come_from_the_model_s_own_distribution(gan, acai):
    uniform = gan.latents(2000, seed=0)
    assert gan.latent_shape == (4,) and uniform.shape == (2000, 4)
    assert abs(uniform).max() <= 1 and uniform.std() == pytest.approx(1 / 3**0.5, rel=0.02)
    codes = acai.latents(2000, seed=0)
    assert codes.shape == (2000, 4, 4, 2)
    assert codes.mean() == pytest.approx(2, abs=0.1) and codes.std() == pytest.approx(0.5, rel=0.1)


def test_codes_go_both_ways(acai):
    images = numpy.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=numpy.uint8)
    codes = acai.encode(images)
    assert codes.shape == (3, 4, 4, 2)
    scaled = images.astype("float32") / 127.5 - 1
    assert codes == pytest.approx(acai.network("encoder").predict(scaled, verbose=0), abs=1e-5)
    decoded = acai.decode(codes).astype(int)
    expected = (acai.generator.predict(codes, verbose=0) + 1) * 127.5
    assert abs(decoded - numpy.clip(expected, 0, 255)).max() <= 0.51


def test_many_images_are_encoded_a_part_at_a_time(acai, monkeypatch):
    images = numpy.random.default_rng(1).integers(0, 256, (11, 16, 16, 3), dtype=numpy.uint8)
    whole, encoder = acai.encode(images, batch_size=2), acai.network("encoder")
    sizes, predict = [], encoder.predict

    def counted(part, **options):
        sizes.append(len(part))
        return predict(part, **options)

    monkeypatch.setattr(encoder, "predict", counted)
    monkeypatch.setattr(sampling, "PARTS", 2)
    assert numpy.array_equal(acai.encode(images, batch_size=2), whole)
    assert sizes == [4, 4, 3]


def test_what_a_run_lacks_is_named(gan, acai, tmp_path):
    with pytest.raises(UserError, match=r"has no encoder\.keras: use a run of an autoencoder \(vae, acai\)$"):
        gan.encode(numpy.zeros((1, 16, 16, 3), numpy.uint8))
    with pytest.raises(UserError, match=r"has no generator\.keras: it keeps no best weights$"):
        TrainedRun(gan.run, best=True).sample(1)
    acai.run.network("generator").unlink()
    with pytest.raises(UserError, match=r"has no generator\.keras: train it to its end$"):
        TrainedRun(acai.run).sample(1)


@pytest.mark.parametrize("content", [None, b"", b"x", b"PK\x03\x04", "cut", "other"])
def test_damaged_statistics_are_named(acai, content):
    file = acai.run.code_statistics
    if content is None:
        file.unlink()
    elif content == "cut":
        file.write_bytes(file.read_bytes()[:-300])
    elif content == "other":
        numpy.savez(file, mean=numpy.zeros(3))
    else:
        file.write_bytes(content)
    with pytest.raises(UserError, match=r"^cannot read .*codes\.npz: train the run to its end"):
        acai.sample(2)


def test_best_weights_have_their_own_statistics(acai):
    best = acai.run.best
    save_networks(best, {"generator": acai.generator})
    numpy.savez(best / "codes.npz", mean=numpy.full(32, -7, "float32"), factor=numpy.zeros((32, 32), "float32"))
    assert (TrainedRun(acai.run, best=True).latents(3, seed=0) == -7).all()


def test_a_conditional_run_samples_all_classes_in_turn_or_one_of_them(conditional, gan):
    images = conditional.sample(7, seed=2)
    assert conditional.labels(7).tolist() == [0, 1, 2, 0, 1, 2, 0]
    birds = conditional.sample(7, seed=2, class_name="bird")
    assert conditional.labels(3, "bird").tolist() == [1, 1, 1]
    same = [bool((abs(one.astype(int) - two) <= 1).all()) for one, two in zip(images, birds, strict=True)]
    # From the same latents: equal where a bird's turn comes, and nowhere else.
    assert same == [False, True, False, False, True, False, False]
    assert conditional.latent_shape == (4,) and conditional.conditional and not gan.conditional
    assert gan.labels(5) is None


@pytest.mark.parametrize(
    ("counts", "expected"),
    [(None, [4, 3, 3]), ([5, 5, 5], [4, 3, 3]), ([80, 10, 10], [8, 1, 1])],
)
def test_samples_of_a_conditional_run_have_the_proportions_of_its_data(conditional, counts, expected):
    """A run from before the counts were recorded has its classes alike."""
    names = list(CONDITIONAL.classes)
    conditional.run.write_environment({"class_names": names, **({"class_counts": counts} if counts else {})})
    assert numpy.bincount(conditional.labels(10), minlength=3).tolist() == expected
    assert conditional.labels(3, "bird").tolist() == [1, 1, 1]


def test_counts_of_other_classes_are_refused(conditional):
    conditional.run.write_environment({"class_names": list(CONDITIONAL.classes), "class_counts": [1, 2]})
    with pytest.raises(UserError, match="does not count the classes of the run: train it again"):
        conditional.labels(4)
    conditional.run.write_environment({"class_counts": [1, "2", 3]})
    with pytest.raises(UserError, match="class_counts should be a list of whole numbers"):
        conditional.labels(4)


def test_classes_of_a_conditional_run_can_be_mixed_as_a_whole_or_by_layer(conditional):
    latents = conditional.latents(1, seed=0).repeat(11, axis=0)
    share = numpy.linspace(0, 1, 11)[:, None]
    horse, bird = numpy.eye(3)[:2]
    path = conditional.decode(latents, classes=(1 - share) * horse + share * bird).astype(int)
    ends = conditional.decode(latents[:2], classes=numpy.array([0, 1])).astype(int)
    assert abs(path[[0, -1]] - ends).max() <= 1
    steps = abs(numpy.diff(path, axis=0)).mean(axis=(1, 2, 3))
    # A way and no leap: no step is half of all.
    assert 0 < steps.max() < 0.5 * steps.sum()
    by_layer = numpy.array([[horse, horse, horse, bird]], numpy.float32)
    mixed = conditional.decode(latents[:1], classes=by_layer).astype(int)
    assert abs(mixed - to_uint8(conditional.generator([latents[:1], by_layer]))).max() <= 1
    assert abs(mixed[0] - ends[0]).max() > 1


def test_classes_that_a_run_lacks_are_named(conditional, gan):
    with pytest.raises(UserError, match="conditional has no class cat; it has horse, bird, frog$"):
        conditional.sample(1, class_name="cat")
    with pytest.raises(UserError, match="is of a model without classes: use a run of conditional-sngan$"):
        gan.sample(1, class_name="horse")
    with pytest.raises(UserError, match="is of a conditional model: its latents need classes$"):
        conditional.decode(conditional.latents(1, 0))
    run = conditional.run
    run.write_environment({"class_names": ["cat", "dog", "frog"]})
    assert conditional.class_names == ("cat", "dog", "frog")
    run.write_environment({"class_names": ["cat", "dog"]})
    with pytest.raises(UserError, match=r"environment\.json does not name the classes of the run: train it again$"):
        conditional.sample(1, class_name="cat")


IMAGES = numpy.random.default_rng(0).integers(0, 256, (10, 4, 4, 3), dtype=numpy.uint8)


def test_three_kinds_of_output(tmp_path):
    write_samples(tmp_path / "new" / "grid.png", IMAGES)
    with Image.open(tmp_path / "new" / "grid.png") as image:
        assert numpy.array_equal(numpy.asarray(image), grid(IMAGES, columns=8, scale=2))
    write_samples(tmp_path / "array.npz", IMAGES)
    with numpy.load(tmp_path / "array.npz") as content:
        assert content.files == ["images"] and numpy.array_equal(content["images"], IMAGES)
    write_samples(tmp_path / "folder", IMAGES)
    files = sorted((tmp_path / "folder").iterdir())
    assert [file.name for file in files] == [f"{index:05d}.png" for index in range(10)]
    assert all(
        numpy.array_equal(numpy.asarray(Image.open(file)), image) for file, image in zip(files, IMAGES, strict=True)
    )


def test_outputs_that_are_refused(tmp_path):
    with pytest.raises(UserError, match="give FILE.png, FILE.npz or a folder's name without a suffix"):
        write_samples(tmp_path / "samples.gif", IMAGES)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "00000.png").touch()
    with pytest.raises(UserError, match="full is not empty: give a new folder, or remove that one"):
        write_samples(tmp_path / "full", IMAGES)
    (tmp_path / "file").touch()
    for name in ("file/a.png", "file/a.npz", "file/folder", "file"):
        with pytest.raises(UserError, match="^cannot write "):
            write_samples(tmp_path / name, IMAGES)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "full"]


def test_a_configuration_that_asks_for_more_than_the_state_holds_is_refused_unbuilt(tmp_path, monkeypatch):
    """Its widths are allowed; together they would take gigabytes."""
    images = numpy.zeros((4, 32, 32, 3), numpy.uint8)
    data = Dataset.from_arrays("x", images, numpy.arange(4) % 2, images, numpy.arange(4) % 2, ("a", "b"))
    monkeypatch.setattr(sampling, "load_data", lambda *arguments: data)
    run = Run(tmp_path / "run")
    run.write_config(GAN)
    save_state(run.backup, build_model(GAN, data.image_shape, 1), Position(1))
    assert TrainedRun(run, report=lambda line: None).generator.count_params() > 0
    wide = dataclasses.replace(GAN.network, generator_width=2048, latent_size=4096)
    run.write_config(dataclasses.replace(GAN, network=wide))
    monkeypatch.setattr(sampling, "build_model", lambda *arguments: pytest.fail("it is built"))
    with pytest.raises(
        UserError, match=r"config\.json does not describe the state in .*backup: it would have [0-9,]+ pa"
    ):
        TrainedRun(run).has("generator")
