"""A run knows its data by content: spellings of a path, folders that moved, folders with other images."""

import os

import numpy as np
import pytest
from conftest import write_image_folder

from coursework.cli import main as cli
from coursework.data import Dataset, canonical, load_dataset, same_place
from coursework.training.run import Run
from coursework.util.errors import UserError

SETTINGS = ["latent_size=4", "generator_width=16", "discriminator_width=16", "batch_size=4", "score_every=0"]
TRAIN = ["train", "gan", "--epochs", "1", *(part for setting in SETTINGS for part in ("--set", setting))]


def pictures(seed, classes=("bird", "horse")):
    """Return a data set of 8 training images, and of as many test images as memorisation needs."""
    images = np.random.default_rng(seed).integers(0, 256, (108, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(108) % len(classes)
    return Dataset.from_arrays("pics", images[:8], labels[:8], images[8:], labels[8:], classes)


@pytest.fixture
def pics(in_tmp):
    """Return the folder "pics" of images in an empty working folder, with a link to it."""
    folder = write_image_folder(in_tmp / "pics", pictures(1))
    (in_tmp / "link").symlink_to(folder)
    return folder


def test_all_spellings_of_a_folder_are_one(pics, monkeypatch):
    monkeypatch.setenv("HOME", str(pics.parent))
    spellings = ["pics", "pics/", "./pics", "pics/../pics", str(pics), "link", "~/pics", "pics//."]
    assert {canonical(name) for name in spellings} == {"pics"}
    assert len({load_dataset(name).fingerprint for name in spellings}) == 1
    assert {(load_dataset(name).name, load_dataset(name).place) for name in spellings} == {("pics", "pics")}
    assert canonical("sprites") == "sprites" and canonical("no/folder/") == "no/folder/"
    (pics.parent / "sprites").symlink_to(pics)
    pics.rename(pics.parent / "cifar10")
    assert canonical("cifar10") == "cifar10" and canonical("./cifar10") == os.path.join(".", "cifar10")
    assert not same_place("cifar10", "./cifar10")


def test_a_run_resumes_with_another_spelling(pics, capsys):
    assert cli.main([*TRAIN, "--dataset", "pics"]) == 0
    capsys.readouterr()
    for number, spelling in enumerate(("pics/", "./pics", str(pics), "link"), start=2):
        line = [str(number) if argument == "1" else argument for argument in TRAIN]
        assert cli.main([*line, "--dataset", spelling]) == 0
        assert f"resuming reports/runs/gan-pics-s0 after epoch {number - 1}" in capsys.readouterr().out
    run = Run("reports/runs/gan-pics-s0")
    assert run.read_config().dataset == "pics" and run.read_environment()["epochs_done"] == 5
    assert [run.name for run in Run.all()] == ["gan-pics-s0"]


def test_data_that_moved(pics, refused):
    assert cli.main([*TRAIN, "--dataset", "pics"]) == 0
    run = Run("reports/runs/gan-pics-s0")
    pics.rename(pics.parent / "photos")
    line = (
        "reports/runs/gan-pics-s0 was trained on the images in pics, which is not there: give their new folder by "
        "--dataset, which train, evaluate and figures take"
    )
    evaluate = ("evaluate", "gan-pics-s0", "--metrics", "memorisation", "--samples", "100")
    assert refused(*evaluate) == refused("figures", "gan-pics-s0") == line
    write_image_folder(pics.parent / "others", pictures(2))
    for verb in (evaluate, ("figures", "gan-pics-s0")):
        assert refused(*verb, "--dataset", "others") == (
            "others holds other images than those that reports/runs/gan-pics-s0 was trained on"
        )
    assert run.read_config().dataset == "pics"
    assert cli.main([*evaluate, "--dataset", "photos/"]) == 0
    assert run.read_config().dataset == "photos" and run.read_metrics()[0]["name"] == "memorisation"
    (pics.parent / "photos").rename(pics)
    assert cli.main(["figures", "gan-pics-s0", "--dataset", str(pics)]) == 0
    assert run.read_config().dataset == "pics" and (run.figures / "interpolation-linear.png").is_file()
    pics.rename(pics.parent / "again")
    longer = ["2" if argument == "1" else argument for argument in TRAIN]
    assert "dataset is pics there, others here" in refused(*longer, "--dataset", "others", "--run", str(run.path))
    assert cli.main([*longer, "--dataset", "again", "--run", str(run.path)]) == 0
    assert run.read_config().dataset == "again" and run.read_environment()["epochs_done"] == 2


def test_images_that_changed_are_reported(pics, capfd):
    assert cli.main([*TRAIN, "--dataset", "pics"]) == 0
    write_image_folder(pics, pictures(3))
    assert cli.main(["evaluate", "gan-pics-s0", "--metrics", "memorisation", "--samples", "100"]) == 0
    assert "warning: pics holds other images now than those that" in capfd.readouterr().err


def test_with_one_class_what_needs_no_judge_is_measured(in_tmp, capfd):
    """Class by class there is nothing to tell apart: no judge is asked for, and none is needed for pixels."""
    write_image_folder(in_tmp / "alone", pictures(1, classes=("bird",)))
    assert cli.main([*TRAIN, "--dataset", "alone"]) == 0
    assert cli.main(["evaluate", "gan-alone-s0", "--samples", "100"]) == 0
    lines = capfd.readouterr().err
    assert "no judge for alone: a judge tells classes apart, and it has only bird" in lines and "train one" not in lines
    assert [record["name"] for record in Run("reports/runs/gan-alone-s0").read_metrics()] == ["memorisation"]


def test_the_name_of_a_folder_is_quoted_in_hints(in_tmp):
    write_image_folder(in_tmp / "my pics", pictures(1))
    assert load_dataset("my pics").argument == "'my pics'"
    with pytest.raises(UserError, match="no folder ./nowhere"):
        load_dataset("./nowhere")
