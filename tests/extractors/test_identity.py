"""A judge belongs to the images that it was trained on, whatever their folder is called."""

import dataclasses
import shlex
import shutil

import numpy as np
import pytest
from conftest import save_judge, untrained_witness, write_image_folder

from coursework.cli import main as cli
from coursework.data import Dataset, load_dataset
from coursework.extractors import judge as judges
from coursework.extractors import judge_training
from coursework.extractors.judge import choose_judge, find_judge, judge_folder, no_judge
from coursework.extractors.recorded import save
from coursework.pegasus.witness import find_witness
from coursework.util.errors import UserError


def small(seed, classes=("bird", "horse"), count=8):
    """Return a data set of random images of 32x32 pixels."""
    images = np.random.default_rng(seed).integers(0, 256, (2 * count, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(count) % len(classes)
    return Dataset.from_arrays("pics", images[:count], labels, images[count:], labels, classes)


@pytest.fixture
def untrained_judges(in_tmp, monkeypatch):
    """Let a judge be "trained" in no time, in an empty working folder."""

    def fit(dataset, batch_size, epochs, seed, width, progress):
        return judge_training.build(dataset.image_shape, len(dataset.class_names), 2, seed)

    monkeypatch.setattr(judge_training, "_fit", fit)
    return in_tmp


def test_a_folder_called_cifar10_leaves_the_judge_of_cifar10(untrained_judges, capsys):
    shipped = save_judge(small(1), "cifar10")
    files = {file: file.read_bytes() for file in (judges.JUDGES / "cifar10").iterdir()}
    write_image_folder(untrained_judges / "x" / "cifar10", small(2))
    assert cli.main(["judge", "--dataset", "x/cifar10", "--epochs", "1"]) == 0
    dataset = load_dataset("x/cifar10")
    mark = dataset.fingerprint[:8]
    assert dataset.name == f"cifar10-{mark}" and judge_folder(dataset) == judges.JUDGES / f"cifar10-{mark}"
    assert {file: file.read_bytes() for file in (judges.JUDGES / "cifar10").iterdir()} == files
    assert find_judge(small(1)).sha256 == shipped.sha256 != find_judge(dataset).sha256
    # The usual judge of other images is still the shipped one.
    assert choose_judge((None, None)).sha256 == shipped.sha256


def test_folders_of_one_name_keep_a_judge_each(untrained_judges, capsys):
    found = {}
    for number, place in enumerate(("a", "b")):
        write_image_folder(untrained_judges / place / "pics", small(number))
        assert cli.main(["judge", "--dataset", f"{place}/pics", "--epochs", "1"]) == 0
        found[place] = load_dataset(f"{place}/pics")
    first, second = (find_judge(found[place]) for place in "ab")
    assert first.fingerprint == found["a"].fingerprint and second.fingerprint == found["b"].fingerprint
    assert {folder.name for folder in judges.JUDGES.iterdir()} == {"pics", f"pics-{found['b'].fingerprint[:8]}"}
    # By content, so that --judge may name either folder of images.
    for place, judge in (("a", first), ("b", second)):
        assert choose_judge((), f"{place}/pics").fingerprint == judge.fingerprint
    # A witness goes where its judge is.
    for place in "ab":
        save(untrained_witness(found[place]), judge_folder(found[place]))
        assert find_witness(found[place]).fingerprint == found[place].fingerprint


def test_a_judge_is_found_where_the_images_or_their_folder_moved(untrained_judges, capsys):
    write_image_folder(untrained_judges / "pics", small(1))
    assert cli.main(["judge", "--dataset", "pics", "--epochs", "1"]) == 0
    judge = find_judge(load_dataset("pics"))
    (untrained_judges / "pics").rename(untrained_judges / "photos")
    (judges.JUDGES / "pics").rename(judges.JUDGES / "mine")
    moved = load_dataset("photos")
    assert find_judge(moved).sha256 == judge.sha256 and judge_folder(moved) == judges.JUDGES / "mine"
    assert cli.main(["judge", "--dataset", "photos", "--epochs", "1"]) == 0
    assert "holds this judge already" in capsys.readouterr().out


def test_a_judge_is_replaced_when_asked(untrained_judges, refused):
    write_image_folder(untrained_judges / "pics", small(1))
    line = ("judge", "--dataset", "pics", "--epochs", "1")
    assert cli.main(list(line)) == 0
    before = find_judge(load_dataset("pics")).sha256
    assert refused(*line, "--seed", "7") == (
        "there is another judge of pics (seed is 0, not 7), and scores may rest on it; to train it anew: "
        "`python -m coursework judge --dataset pics --replace`, with the same options"
    )
    assert find_judge(load_dataset("pics")).sha256 == before
    assert cli.main([*line, "--seed", "7", "--replace"]) == 0
    judge = find_judge(load_dataset("pics"))
    assert judge.seed == 7 and judge.sha256 != before and len(list(judges.JUDGES.iterdir())) == 1


def test_damaged_records_of_others_are_no_obstacle(untrained_judges):
    judge = save_judge(small(1), "pics")
    other = judges.JUDGES / "another"
    shutil.copytree(judges.JUDGES / "pics", other)
    (other / "judge.json").write_text("{")
    assert find_judge(small(1)).sha256 == judge.sha256
    assert find_judge(small(2)) is None
    (judges.JUDGES / "pics" / "judge.json").write_text("[]")
    assert find_judge(small(1)) is None
    (judges.JUDGES / "pics" / "judge.json").write_text("{")
    with pytest.raises(UserError, match="pics/judge.json is not valid JSON"):
        find_judge(small(1))


def test_the_hint_is_a_command_that_works(untrained_judges, capsys):
    write_image_folder(untrained_judges / "my own" / "pics & co", small(1))
    line = no_judge(load_dataset("my own/pics & co"))
    assert line == "no judge for pics & co: train one with `python -m coursework judge --dataset 'my own/pics & co'`"
    command = shlex.split(line.split("`")[1])
    assert command[:3] == ["python", "-m", "coursework"]
    assert cli.main([*command[3:], "--epochs", "1"]) == 0
    assert find_judge(load_dataset("my own/pics & co")) is not None


def test_of_one_class_no_judge_is_asked_for():
    alone = small(1, classes=("bird",))
    assert no_judge(alone) == "no judge for pics: a judge tells classes apart, and it has only bird"
    assert no_judge(dataclasses.replace(alone, class_names=("a", "b"))).endswith("--dataset pics`")
