"""Every verb of the command line on tiny data and networks: `python tests/tiny_verbs.py VERB ...`.

What no option makes small is patched after the verb has imported Keras, as it does for a user.
"""

import argparse
import dataclasses
import functools
import json
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest

from coursework import data
from coursework.cli import main as cli
from coursework.cli.training import configure
from coursework.data import lines as lines_data
from coursework.data import sprites
from coursework.util import quiet

NARROW = {
    "gan": ["--set=generator_width=8", "--set=discriminator_width=8", "--set=latent_size=4"],
    "acai": ["--set=depth=2", "--set=latent_channels=2"],
}
TRAINING = ["--epochs", "1", "--set=batch_size=32", "--set=sample_every=1", "--set=score_every=0"]

# {verb: its command lines}, each of which finds what it needs where `prepare` was.
COMMANDS = {
    "presets": [["presets"], ["presets", "sngan"]],
    "doctor": [["doctor"]],
    "judge": [["judge", "--replace", "--epochs", "1", "--role", role] for role in ("judge", "witness", "second")],
    "train": [["train", name, "--run", f"runs/new-{name}", *TRAINING, *NARROW[name]] for name in NARROW],
    "study": [["study", "loss", "gan", "--vary", "loss=hinge", "--samples", "64", *TRAINING, *NARROW["gan"]]],
    "sample": [["sample", "runs/gan", "--count", "8", "--output", f"new{kind}"] for kind in (".png", ".npz", "")],
    "evaluate": [["evaluate", "runs/gan", "--metrics", "fd"]],
    "metrics": [["metrics", "samples", "animals:train", "--metrics", "fd", "--json", "scores.json"]],
    "compare": [["compare", "runs/gan", "runs/acai"]],
    "tables": [["tables", "--runs", "runs/gan", "runs/acai"], ["tables", "settings", "--runs", "runs/gan"]],
    "downstream": [["downstream", "runs/acai"], ["downstream", "--train", "animals", "--epochs", "1"]],
    "aggregate-posterior": [["aggregate-posterior", "runs/acai", "--samples", "64", "--folder", "posterior"]],
    "collages": [["collages", "--dataset", "sprites", "--count", "4", "--output", "collages"]],
    "pegasus": [
        [
            *("pegasus", "runs/acai", "--strategies", "interpolation", "--pool", "6", "--count", "4"),
            *("--beside", "samples", "--output", "pegasus"),
        ]
    ],
    "panel": [
        ["panel", "--beside", "samples", "--dataset", "animals", "--real", "4"],
        ["panel", "answers.json", "--key", "panel-key.json"],
    ],
    "figures": [["figures", "runs/gan", "--output", "figures"]],
    "report": [["report", "runs/gan", "--output", "report.pdf"]],
    "submission": [["submission", "--no-verify", "--output", "submission.zip"]],
    "lines": [["lines", "--images", "64", "--folder", "lines"]],
    "rings": [["rings", "--steps", "2", "--seeds", "1", "--mixtures", "ring", "--folder", "rings"]],
    "lesson": [["lesson", "--steps", "2", "--seeds", "1", "--folder", "lesson"]],
    "pegasus-benchmark": [["pegasus-benchmark", "--pool", "64", "--folder", "benchmark"]],
    "demo": [["demo", "--folder", "demo"]],
}
for lines in (COMMANDS["judge"], COMMANDS["train"], COMMANDS["study"]):
    for line in lines:
        line += ["--dataset", "animals"]
# Verbs that need none of what `shrink` does. They import no Keras, but for `doctor`, which goes on where that fails.
LIGHT = {"compare", "presets", "tables", "report", "submission", "doctor"}
SMALL_POINTS = {"latent_size": 2, "generator_width": 8, "generator_depth": 1, "discriminator_width": 8}
PER_CLASS = {"train_per_class": 24, "test_per_class": 20}


def verbs():
    """Return the names of the command line's verbs."""
    added = argparse.ArgumentParser().add_subparsers()
    for add in cli.VERBS:
        add(added)
    return set(added.choices)


def shrink_data(patch):
    """Replace the built-in data sets by small ones; imports no Keras."""
    tiny = functools.cache(lambda: sprites.load(**PER_CLASS))
    few_lines = functools.cache(lambda: lines_data.load(train_count=64, test_count=16))
    patch.setitem(data.DATASETS, "sprites", tiny)
    patch.setitem(data.DATASETS, "lines", few_lines)


def shrink(patch, eager=True):
    """Make the parts of chained verbs small with `patch`, a `pytest.MonkeyPatch`.

    eager: run TensorFlow functions eagerly, which is faster for networks as small as these.
    """
    import keras

    from coursework.cli import demo
    from coursework.config import presets_lines, presets_rings
    from coursework.config.presets import ACAI_DEMO
    from coursework.extractors import judge_training as judging
    from coursework.pegasus import truth, witness_training
    from coursework.pegasus.making import pools_of
    from coursework.studies import downstream, pegasus_benchmark
    from coursework.studies.lines import study as lines
    from coursework.studies.rings import latent_plane, lesson, study, summary, training

    if eager and keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.run_functions_eagerly(True)
        # TensorFlow warns that this does not apply to the data pipeline.
        warnings.filterwarnings("ignore", message=".*run_functions_eagerly.*")
        patch.setattr(training, "compiled", lambda fn, fused: fn)
    for module in (training, study, summary, lesson, latent_plane):
        patch.setattr(module, "STEPS_PER_EPOCH", 2)
    patch.setattr(training, "BLOCK", 2)
    patch.setattr(judging, "train_judge", functools.partial(judging.train_judge, width=4))
    few_pools = functools.partial(pools_of, strategies=("interpolation",))
    for name, value in (("TRUE_COUNT", 96), ("COLLAGES", 4), ("pools_of", few_pools)):
        patch.setattr(pegasus_benchmark, name, value)
    for name, value in (("WIDTH", 4), ("UPDATES", 1)):
        patch.setattr(truth, name, value)
    patch.setattr(witness_training, "FEWEST_UPDATES", 1)
    patch.setattr(witness_training, "EPOCHS", {"witness": 1, "second": 1})
    patch.setattr(witness_training, "WIDTHS", {"witness": 4, "second": 4})
    for name, value in (("JUDGE_WIDTH", 4), ("JUDGE_EPOCHS", 1), ("WITNESS_EPOCHS", 1), ("POOL", 72), ("COLLAGES", 4)):
        patch.setattr(demo, name, value)
    patch.setattr(demo, "STRATEGIES", ("interpolation",))
    patch.setattr(lines, "TRAIN_COUNT", 64)
    pair = [points(preset) for preset in (presets_rings.GAN, presets_rings.R1_PACKED)]
    patch.setattr(presets_rings, "RINGS", pair[:1])
    patch.setattr(lesson, "GAN", pair[0])
    patch.setattr(lesson, "R1_PACKED", pair[1])
    patch.setattr(lesson, "LESSON", (points(presets_rings.LESSON[1]),))
    network = dataclasses.replace(presets_lines.AAE.network, depth=2, latent_channels=2)
    autoencoder = dataclasses.replace(presets_lines.AAE, batch_size=32, network=network)
    patch.setattr(lines, "run_lines", functools.partial(lines.run_lines, presets=[autoencoder]))
    images = {"presets": [dataclasses.replace(autoencoder, score_every=0)]}
    patch.setattr(downstream, "train_autoencoders", functools.partial(downstream.train_autoencoders, **images))
    few = {"presets": [brief(ACAI_DEMO)]}
    patch.setattr(demo, "run_demo", functools.partial(demo.run_demo, **few))
    patch.setattr(pegasus_benchmark, "run_benchmark", functools.partial(pegasus_benchmark.run_benchmark, **few))


def brief(config):
    """Return a preset with a narrow network, for one short epoch."""
    from conftest import narrow

    return dataclasses.replace(narrow(config, epochs=1), batch_size=32, score_every=0)


def prepare(folder):
    """Write what the verbs need into `folder`, the working folder: images, runs, judges, a report, all untrained."""
    from conftest import save_judge, untrained_witness, write_image_folder
    from report_runs import SCORE
    from submission_folder import write_reports

    from coursework.data import load_dataset
    from coursework.extractors.judge import judge_folder
    from coursework.extractors.recorded import save
    from coursework.figures.grids import save_grid, save_png
    from coursework.models import build_model
    from coursework.pegasus.witness import ROLES
    from coursework.training.run import Run
    from coursework.training.task import save_trained
    from coursework.util.files import write_text

    write_reports(folder)
    # Other images than those of `shrink_data`: judges are found by content.
    write_image_folder(folder / "animals", sprites.load(**{**PER_CLASS, "train_per_class": 25}))
    dataset = load_dataset("animals")
    for index, image in enumerate(sprites.load(train_per_class=20, test_per_class=1).train_images):
        save_png(folder / "samples" / f"{index}.png", image)
    shown = [{"id": "0" * 32, "source": "batch", "name": "rank 1"}]
    write_text(folder / "panel-key.json", json.dumps({"version": 1, "panel": "mark", "seed": 0, "images": shown}))
    answers = [{"image": "0" * 32, "name": "a horse", "winged": 7, "real": 3}]
    saved = {"version": 1, "panel": "mark", "person": "1" * 32, "answers": answers}
    write_text(folder / "answers.json", json.dumps(saved))
    save_judge(dataset, dataset.name)
    for role in ROLES:
        save(untrained_witness(dataset, role), judge_folder(dataset))
    for name in NARROW:
        run = Run(folder / "runs" / name)
        arguments = parse(["train", name, "--dataset", "animals", *TRAINING, *NARROW[name]])
        config = configure(arguments)
        run.write_config(config)
        environment = {"class_names": list(dataset.class_names), "dataset_fingerprint": dataset.fingerprint}
        run.write_environment({**environment, "epochs_done": 2, "finished": True, "seconds": 1.5})
        run.log_file.write_text("epoch,loss,seconds\n1,0.5,1\n2,0.25,0.5\n")
        run.write_metrics([{**SCORE, "dataset_fingerprint": dataset.fingerprint}])
        save_grid(run.samples / "0001.png", dataset.test_images[:16])
        save_trained(run.path, build_model(config, dataset.image_shape, 1, len(dataset.class_names)), dataset)


def parse(line):
    """Return the parsed arguments of a command line."""
    return cli.command_line().parse_args(line)


def points(preset):
    """Return a preset of points with a small network, in small batches."""
    return dataclasses.replace(preset, batch_size=8, network=dataclasses.replace(preset.network, **SMALL_POINTS))


def main():
    """Run a verb like the command line and return its exit code."""
    patch, silence = pytest.MonkeyPatch(), quiet.silence

    def silence_and_shrink():
        silence()
        shrink(patch, eager=sys.argv[1] != "train")

    shrink_data(patch)
    quiet.silence = silence_and_shrink
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
