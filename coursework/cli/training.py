"""The verbs that train one network: `train` and `judge`."""

import argparse
import dataclasses
import os
from typing import TYPE_CHECKING

from coursework.cli.parsing import DATASET, Verbs, add_settings, add_verb, assignment, import_keras, positive, seed

if TYPE_CHECKING:
    from coursework.config.schema import Config

EPOCHS_KEPT = "all finished epochs are kept: run the same command again to resume"


def add_train(verbs: Verbs) -> None:
    """Add the verb `train`."""
    parser = add_verb(verbs, "train", _train, "Train a preset, or resume its run.", EPOCHS_KEPT)
    add_preset(parser)
    parser.add_argument("--epochs", help="passes over the training images (default: the preset's)")
    parser.add_argument("--seed", help="seed of weights, data order and latents (default 0)")
    parser.add_argument("--run", help="run directory (default reports/runs/<preset>-<dataset>-s<seed>)")
    add_settings(parser, "change a setting (an unknown KEY lists all)")
    parser.add_argument("--threads", type=positive, help="threads to compute with (default: one per core)")
    parser.add_argument("--deterministic", action="store_true", help="equal seeds give equal weights, more slowly")
    parser.add_argument("--tensorboard", action="store_true", help="also log for TensorBoard, in the run directory")
    parser.add_argument("--discard-state", action="store_true", help="delete the resume state once training is done")


def _train(arguments: argparse.Namespace) -> None:
    from coursework.training.run import Run

    config = configure(arguments)
    run = Run(arguments.run) if arguments.run else Run.of(config)
    if arguments.threads:
        # TensorFlow and PyTorch read these when they start.
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
            os.environ[name] = str(arguments.threads)
    import_keras(arguments)

    from coursework.training.loop import train

    train(config, run, arguments.deterministic, arguments.tensorboard, arguments.discard_state)


def add_preset(parser: argparse.ArgumentParser) -> None:
    """Add what `configure` reads: a preset, the data set and its classes."""
    parser.add_argument("preset", metavar="PRESET", help="a name that `python -m coursework presets` lists")
    parser.add_argument("--dataset", help=DATASET)
    parser.add_argument("--classes", help="train on these classes only, separated by commas")


def configure(arguments: argparse.Namespace) -> "Config":
    """Return the `Config` that the arguments of `train` describe."""
    from coursework.cli.presets import find_preset
    from coursework.data import canonical

    config = find_preset(arguments.preset)
    for name in ("dataset", "classes", "epochs", "seed"):
        text = getattr(arguments, name)
        if text is not None:
            config = config.with_setting(name, text, option=f"--{name} {text}")
    for text in arguments.set:
        config = config.with_setting(*assignment(text))
    return dataclasses.replace(config, dataset=canonical(config.dataset))


def add_judge(verbs: Verbs) -> None:
    """Add the verb `judge`."""
    parser = add_verb(
        verbs, "judge", _judge, "Train the classifier whose features give FD-judge, or a witness of winged horses."
    )
    parser.add_argument("--dataset", default="cifar10", help=f"{DATASET} (default cifar10)")
    parser.add_argument(
        "--role",
        choices=("judge", "witness", "second", "winged"),
        default="judge",
        help="judge (default); witness: gives evidence of several classes at once, for the search and the ranking of "
        "Pegasus; second: another witness, for the final tables alone; winged: the judge that ranks winged horses and "
        "takes part in no search",
    )
    parser.add_argument("--epochs", type=positive, help="passes over the training images")
    parser.add_argument("--seed", type=seed, help="default 0, for the second witness 1")
    parser.add_argument(
        "--replace", action="store_true", help="replace a network of these images that other settings have trained"
    )


def _judge(arguments: argparse.Namespace) -> None:
    from coursework.data import load_dataset

    dataset = load_dataset(arguments.dataset)
    import_keras(arguments)
    if arguments.role == "winged":
        from coursework.pegasus.winged_training import train_winged_judge

        winged = train_winged_judge(
            dataset, epochs=arguments.epochs, seed=arguments.seed or 0, replace=arguments.replace
        )
        print(
            f"winged of {winged.dataset}: area under the curve {winged.auc:.3f}, calibration error "
            f"{100 * winged.calibration_error:.2f} %, {winged.sha256[:12]}"
        )
        return
    if arguments.role == "judge":
        from coursework.extractors.judge_training import train_judge

        network = train_judge(dataset, epochs=arguments.epochs, seed=arguments.seed or 0, replace=arguments.replace)
        calibration = ""
    else:
        from coursework.pegasus.witness_training import train_witness

        network = train_witness(
            dataset, role=arguments.role, epochs=arguments.epochs, seed=arguments.seed, replace=arguments.replace
        )
        calibration = f", calibration error {100 * network.calibration_error:.2f} %"
    print(
        f"{arguments.role} of {network.dataset}: {100 * network.accuracy:.2f} % of the test images right{calibration}, "
        f"{network.sha256[:12]}"
    )
