"""The command line: every kind of bad input ends with one clear line and exit code 2."""

import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from conftest import command, environment, listen_to_interruptions
from PIL import Image
from tiny_verbs import verbs

from coursework import __version__
from coursework.cli import main as cli
from coursework.config.presets import PRESETS
from coursework.training.run import Run

# The smallest GAN that the settings allow, on batches that 64 images fill.
SMALL = [
    *("--set", "generator_width=8", "--set", "discriminator_width=8", "--set", "latent_size=4"),
    *("--set", "batch_size=16", "--set", "score_every=0", "--epochs", "1"),
]


# ------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: VERB; see `coursework --help`"),
        (["trian"], "argument VERB: invalid choice: 'trian' (choose from .*train.*); see `coursework --help`"),
        (["train"], "the following arguments are required: PRESET; see `coursework train --help`"),
        (["train", "gan", "--colour"], "unrecognized arguments: --colour; see `coursework --help`"),
        (["train", "gan", "--epochs"], "argument --epochs: expected one argument; see `coursework train --help`"),
        (
            ["train", "wgan"],
            'unknown preset "wgan"; did you mean .*wgan-gp.*lists all',
        ),
        (["train", "gan", "--epochs", "x"], '--epochs x: epochs: expected a whole number, found "x"'),
        (["train", "gan", "--epochs", "0"], "--epochs 0: epochs: must be at least 1, found 0"),
        (["train", "gan", "--seed", "1.5"], "--seed 1.5: seed: expected a whole number, found 1.5"),
        (["train", "gan", "--seed", "-1"], "--seed -1: seed: must be at least 0, found -1"),
        (["train", "gan", "--set", "epochs"], '--set takes KEY=VALUE, not "epochs"'),
        (["train", "gan", "--set", "colour=1"], 'preset gan has no setting "colour"; it has .*'),
        (["train", "gan", "--set", "rate=1"], 'setting "rate" is ambiguous: .*'),
        (
            ["train", "gan", "--set", "loss=l2"],
            "--set loss=l2: model.loss: expected non-saturating or hinge, .*",
        ),
        (["train", "vae", "--set", "beta=much"], '--set beta=much: model.beta: expected a number, found "much"'),
        (["sample", "nowhere"], "no run at nowhere: train one with `python -m coursework train sngan`"),
        (["sample", "r", "--count", "0"], "argument --count: expected a whole number from 1 to .*, found '0'; see .*"),
        (["sample", "r", "--count", "many"], "argument --count: expected a whole number .* found 'many'; see .*"),
        (["sample", "r", "--seed", "9" * 30], "argument --seed: expected a whole number from 0 to 2147483647, .*"),
        (["evaluate", "nowhere"], "no run at nowhere: .*"),
        (["figures"], "no run to draw: train one with .*"),
        (["figures", "nowhere"], "no run at nowhere: .*"),
        (["report", "nowhere"], "no run at nowhere: .*"),
        (["pegasus", "nowhere"], "no run at nowhere: .*"),
        (
            ["judge", "--dataset", "nowhere"],
            'unknown data set "nowhere": use cifar10, mnist, .*, sprites, lines, tfds:NAME or the path of a folder',
        ),
        (["judge", "--epochs", "-3"], "argument --epochs: expected a whole number from 1 to .*"),
    ],
)
def test_wrong_arguments(in_tmp, refused, arguments, message):
    line = refused(*arguments)
    assert re.fullmatch(message.replace("(", r"\(").replace(")", r"\)"), line), line
    assert list(in_tmp.iterdir()) == []


def test_wrong_arguments_are_refused_before_keras_is_imported(in_tmp):
    program = "import sys; from coursework.cli.main import main; print(main(sys.argv[1:]), 'keras' in sys.modules)"
    for arguments in (
        ["train", "wgan"],
        ["sample", "x"],
        ["evaluate", "x"],
        ["judge", "--dataset", "x"],
        ["pegasus", "x"],
    ):
        result = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=environment()
        )
        assert result.stdout == "2 False\n", arguments


def test_a_message_of_several_lines_is_printed_in_one(in_tmp, refused):
    assert refused("sample", "two\nlines").startswith("no run at two lines: ")


# ----------------------------------------------------------------------- data


def test_unknown_data_set(in_tmp, refused):
    assert refused("train", "gan", "--dataset", "cifar-10").startswith('unknown data set "cifar-10": use ')
    assert refused("train", "gan", "--dataset", "data/missing").startswith("no folder data/missing: ")
    assert list(in_tmp.iterdir()) == []


def test_empty_folder(in_tmp, refused):
    (in_tmp / "empty").mkdir()
    assert refused("train", "gan", "--dataset", "empty").startswith("empty holds no images (")


def test_broken_image_among_good_ones(image_folder, refused):
    file = image_folder / "test" / "deer" / "broken.png"
    file.write_bytes(b"no image")
    line = refused("train", "gan", "--dataset", str(image_folder))
    assert line == "cannot read the image animals/test/deer/broken.png: not an image; repair or remove it"
    assert not Run("reports/runs/gan-animals-s0").path.exists()


def test_unknown_class_and_too_few_images(image_folder, refused):
    line = refused("train", "gan", "--dataset", "animals", "--classes", "horse,cow")
    assert line == "data set animals has no class cow; it has airplane, bird, deer, horse"
    assert refused("train", "gan", "--dataset", "animals", "--classes", "horse,horse").startswith("a class is named tw")
    line = refused("train", "gan", "--dataset", "animals", "--set", "batch_size=65")
    assert line.startswith("64 training images do not fill one batch of 65")


# ----------------------------------------------------------------------- runs


def test_run_directory_of_another_configuration(image_folder, refused):
    config = PRESETS["gan"].with_setting("dataset", "animals").with_setting("discriminator_optimizer.rate", "1")
    Run("mine").write_config(config)
    line = refused("train", "gan", "--dataset", "animals", "--run", "mine")
    assert line == (
        "mine has the records, without the networks, of another configuration (model.discriminator_optimizer.rate is "
        "1.0 there, 0.0002 here): choose another --run or --seed, or remove that folder; `make begin` sets aside all "
        "results that came with the package"
    )
    assert Run("mine").read_config() == config


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_begin_sets_the_package_s_results_aside(in_tmp):
    shutil.copy(Path(__file__).parents[2] / "Makefile", in_tmp)
    for name in ("runs/sngan-cifar10-s0/config.json", "judges/cifar10/judge.json", "prose.md"):
        (in_tmp / "reports" / name).parent.mkdir(parents=True, exist_ok=True)
        (in_tmp / "reports" / name).write_text(name)
    done = subprocess.run(["make", "begin"], capture_output=True, text=True)
    assert done.returncode == 0 and "reports/ is yours now" in done.stdout
    assert sorted(path.name for path in (in_tmp / "reports").iterdir()) == ["earlier", "judges"]
    assert (in_tmp / "reports/earlier/runs/sngan-cifar10-s0/config.json").is_file()
    assert (in_tmp / "reports/earlier/prose.md").read_text() == "prose.md"
    # What is made afterwards is not set aside a second time.
    (in_tmp / "reports" / "prose.md").write_text("mine")
    again = subprocess.run(["make", "begin"], capture_output=True, text=True)
    assert again.returncode != 0 and (in_tmp / "reports" / "prose.md").read_text() == "mine"


def test_unwritable_place(image_folder, refused):
    (image_folder.parent / "file").touch()
    line = refused("train", "gan", "--dataset", "animals", "--run", "file/run")
    assert line.startswith("cannot write file/run/lock: ")


@pytest.fixture
def untrained(in_tmp):
    """Return a run with the networks that training would begin with."""
    from coursework.models import build_networks
    from coursework.networks.saving import save_networks

    config = PRESETS["gan"]
    for assignment in SMALL[1:6:2]:
        config = config.with_setting(*assignment.split("="))
    run = Run("reports/runs/small")
    run.write_config(config)
    save_networks(run.path, build_networks(config, (16, 16, 3)))
    return run


def test_equal_seeds_give_equal_samples(untrained, in_tmp, capfd):
    for output, seed in (("a.npz", "1"), ("b.npz", "1"), ("c.npz", "2")):
        assert cli.main(["sample", "small", "--count", "5", "--seed", seed, "--output", output]) == 0
        assert capfd.readouterr().out == f"5 images in {output}\n"
    first, second, third = (numpy.load(in_tmp / name)["images"] for name in ("a.npz", "b.npz", "c.npz"))
    assert first.shape == (5, 16, 16, 3)
    assert numpy.array_equal(first, second) and not numpy.array_equal(first, third)
    assert cli.main(["sample", str(untrained.path)]) == 0
    assert (in_tmp / "small-samples.png").is_file()


def test_mistakes_are_refused_before_anything_is_generated(untrained, in_tmp, refused, monkeypatch):
    """A wrong name is reported before an hour of sampling, not after it."""
    from coursework.training.sampling import TrainedRun

    monkeypatch.delenv("COURSEWORK_INCEPTION", raising=False)
    monkeypatch.setattr(TrainedRun, "sample", lambda *arguments: pytest.fail("generated"))
    assert refused("sample", "small", "--output", "x.gif").startswith("cannot write x.gif: give FILE.png")
    (in_tmp / "full").mkdir()
    (in_tmp / "full" / "a").touch()
    assert refused("sample", "small", "--output", "full").startswith("full is not empty: ")
    metrics = ("metrics", "small", "full")
    assert refused(*metrics).startswith("full holds no images ")
    Image.new("RGB", (16, 16)).save(in_tmp / "full" / "a.png")
    assert refused(*metrics, "--metrics", "fid").startswith("fid cannot be measured: no weights of Inception")
    assert refused(*metrics, "--judge", "typo").startswith("no judge in reports/judges/typo: ")
    assert refused(*metrics, "--inception", "none.tgz").startswith("no file none.tgz: ")


def test_damaged_runs(untrained, refused):
    (untrained.path.parents[2] / "file").touch()
    assert refused("sample", "small", "--output", "file/x.png").startswith("cannot write file/x.png: ")
    assert refused("sample", "small", "--output", "x.gif").startswith("cannot write x.gif: give FILE.png")
    assert refused("sample", "small", "--best") == "reports/runs/small has no generator.keras: it keeps no best weights"
    generator = untrained.network("generator")
    generator.write_bytes(generator.read_bytes()[:1000])
    assert refused("sample", "small").startswith("cannot load the network reports/runs/small/generator.keras: ")
    generator.unlink()
    assert refused("sample", "small") == "reports/runs/small has no generator.keras: train it to its end"
    untrained.config_file.write_text("{")
    assert refused("sample", "small").startswith("reports/runs/small/config.json is not valid JSON: ")


@pytest.mark.parametrize("line", [["sample", "~/runs/mine"], ["train", "gan", "--dataset=~/pics"]])
def test_a_tilde_is_the_home_folder_wherever_it_stands(in_tmp, refused, monkeypatch, line):
    monkeypatch.setenv("HOME", str(in_tmp / "home"))
    where = {"sample": "no run at {}/home/runs/mine: ", "train": "no folder {}/home/pics: "}[line[0]]
    assert refused(*line).startswith(where.format(in_tmp))


def test_no_judge(image_folder, untrained, refused):
    untrained.write_config(dataclasses.replace(untrained.read_config(), dataset="animals"))
    assert refused("evaluate", "small") == (
        "no judge for animals: train one with `python -m coursework judge --dataset animals`"
    )


def test_no_run_for_a_pegasus(in_tmp, refused):
    assert refused("pegasus").startswith("no trained run on cifar10: train one with ")


# -------------------------------------------------------------- around a verb


def test_debug_shows_the_traceback(in_tmp, capfd):
    assert cli.main(["sample", "nowhere", "--debug"]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):" and len(lines) > 5
    assert lines[-1].startswith("coursework: error: no run at nowhere: ")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KeyboardInterrupt(), "interrupted; nothing unfinished was kept"),
        (MemoryError("Unable to allocate 1 TiB"), "MemoryError: Unable to allocate 1 TiB"),
        (PermissionError(13, "Permission denied", "reports"), "PermissionError: .*Permission denied: 'reports'"),
    ],
)
def test_errors_of_the_system_take_one_line(in_tmp, refused, monkeypatch, error, line):
    def fail(*arguments):
        raise error

    monkeypatch.setattr("coursework.training.run.Run.existing", fail)
    assert re.fullmatch(line, refused("sample", "run"))


def test_a_fault_of_the_package_is_not_hidden(in_tmp, monkeypatch):
    monkeypatch.setattr("coursework.training.run.Run.existing", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["sample", "run"])


def test_a_closed_pipe_ends_quietly():
    program = """
from types import SimpleNamespace
from coursework import report
from coursework.cli.main import main
report.build = lambda *arguments, **options: SimpleNamespace(lines=lambda: ["reports/report.pdf"])
raise SystemExit(main(["report"]))
"""
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, text=True, env=environment()
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (2, "")


def test_as_a_user_sees_it(in_tmp):
    result = command("train", "wgan", env=environment())
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch('coursework: error: unknown preset "wgan"; did you mean .*wgan-gp.*\n', result.stderr)
    result = command("--version", env=environment())
    assert (result.returncode, result.stdout, result.stderr) == (0, f"coursework {__version__}\n", "")


def test_a_backend_that_is_not_there(in_tmp):
    result = command("figures", env=environment(KERAS_BACKEND="nonsense"))
    assert result.stderr.startswith("coursework: error: no run to draw")
    Run(in_tmp / "run").write_config(PRESETS["gan"])
    result = command("figures", "run", env=environment(KERAS_BACKEND="nonsense"))
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("coursework: error: KERAS_BACKEND is nonsense: set it to tensorflow, or to torch")


def test_help_answers_without_heavy_imports(in_tmp):
    result = command("--help", env=environment())
    assert result.returncode == 0 and "train" in result.stdout and result.stderr == ""
    program = """
import sys
from coursework.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert end.code in (0, None)
assert not {"keras", "tensorflow", "torch", "numpy", "matplotlib"} & set(sys.modules)
"""
    assert set(re.findall(r"^    ([\w-]+)(?: |$)", result.stdout, flags=re.MULTILINE)) == verbs()
    for verb in sorted(verbs()):
        result = subprocess.run(
            [sys.executable, "-c", program, verb, "--help"], capture_output=True, text=True, env=environment()
        )
        assert result.returncode == 0 and f"usage: coursework {verb} " in result.stdout, result.stderr


@pytest.mark.slow
def test_an_interrupted_training_prints_one_line_and_resumes_later(image_folder):
    arguments = [sys.executable, "-u", "-m", "coursework", "train", "gan", "--dataset", "animals", *SMALL]
    # Far more epochs than the interruption lets happen.
    process = subprocess.Popen(
        [*arguments, "--epochs", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=listen_to_interruptions,
    )
    for line in process.stdout:
        if line.startswith("Epoch 3/"):
            process.send_signal(signal.SIGINT)
            break
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    found = re.fullmatch(
        r"coursework: error: interrupted; ((?:step \d+ of )?epoch \d+) is saved: "
        r"run the same command to resume\n",
        errors,
    )
    assert found, errors
    run = Run("reports/runs/gan-animals-s0")
    done = run.read_environment()["epochs_done"]
    assert done >= 2 and not run.is_finished() and run.read_log()["epoch"] == list(range(1, done + 1))
    result = subprocess.run(
        [*arguments, "--epochs", str(done + 1)], capture_output=True, text=True, env=environment(), timeout=300
    )
    assert result.returncode == 0 and f"resuming {run.path} after {found[1]}" in result.stdout
    assert run.is_finished() and run.read_log()["epoch"] == list(range(1, done + 2))


@pytest.mark.slow
def test_a_trained_run_guards_its_state(image_folder, refused, capfd):
    train = ["train", "gan", "--dataset", "animals", *SMALL]
    assert cli.main(train) == 0
    run = Run("reports/runs/gan-animals-s0")
    assert run.is_finished() and run.network("generator").is_file()
    capfd.readouterr()
    assert cli.main(train) == 0
    assert "is already trained for 1 epochs; raise --epochs to continue" in capfd.readouterr().out
    # Other images under the same name.
    file = next((image_folder / "train" / "horse").iterdir())
    content = file.read_bytes()
    shutil.copy(next((image_folder / "train" / "bird").iterdir()), file)
    assert "was trained on other images than animals holds now" in refused(*train, "--epochs", "2")
    file.write_bytes(content)
    # A state that was discarded, then records without networks, as git keeps them.
    run.discard_state()
    assert "its resume state was discarded" in refused(*train, "--epochs", "2")
    run.network("generator").unlink()
    assert cli.main(train) == 0
    assert run.network("generator").is_file()
