"""The verbs that train: `train`, `study` and `judge`."""

import os

from coursework.cli.parsing import add_settings, add_verb, assignment, import_keras, positive, seed
from coursework.config.presets import PRESETS
from coursework.util.errors import UserError


def add_train(verbs):
    """Add the verb `train`."""
    parser = add_verb(
        verbs,
        "train",
        _train,
        "Train a preset, or go on with a run where it stopped.",
        after_interruption="all finished epochs are kept: the same command goes on after the last of them",
    )
    parser.add_argument("preset", metavar="PRESET", help=f"one of {', '.join(PRESETS)}")
    parser.add_argument("--dataset", help="cifar10, sprites, or a folder with train/<class>/* and test/<class>/*")
    parser.add_argument("--classes", help="train on these classes only, separated by commas")
    parser.add_argument("--epochs", help="passes over the training images (default: the preset's)")
    parser.add_argument("--seed", help="seed of weights, data order and latents (default 0)")
    parser.add_argument("--run", help="run directory (default reports/runs/<preset>-<dataset>-s<seed>)")
    add_settings(parser, "change a setting (an unknown KEY lists all that there are)")
    parser.add_argument("--threads", type=positive, help="threads to compute with (default: one per core)")
    parser.add_argument("--deterministic", action="store_true", help="equal seeds give equal weights, at some speed")
    parser.add_argument("--tensorboard", action="store_true", help="also log for TensorBoard, in the run directory")
    parser.add_argument("--discard-state", action="store_true", help="drop the resume state when training is done")


def _train(arguments):
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


def configure(arguments):
    """Return the `Config` that the arguments of `train` describe."""
    if arguments.preset not in PRESETS:
        raise UserError(f'unknown preset "{arguments.preset}"; there are {", ".join(PRESETS)}')
    config = PRESETS[arguments.preset]
    for name in ("dataset", "classes", "epochs", "seed"):
        if getattr(arguments, name) is not None:
            text = getattr(arguments, name)
            config = config.with_setting(name, text, option=f"--{name} {text}")
    for text in arguments.set:
        config = config.with_setting(*assignment(text))
    return config


def add_study(verbs):
    """Add the verb `study`."""
    parser = add_verb(
        verbs,
        "study",
        _study,
        "Train a preset in variations at an equal budget, and tell what each of them is worth.",
        after_interruption="what is finished is kept: the same command goes on from there",
    )
    parser.add_argument("name", metavar="NAME", help="of the study: reports/studies/NAME.csv, .json, .png")
    parser.add_argument("preset", metavar="PRESET", help=f"one of {', '.join(PRESETS)}")
    parser.add_argument(
        "--vary",
        action="append",
        required=True,
        metavar='"[NAME: ]KEY=VALUE ..."',
        help="a variation, of one setting or several in quotes, under a name where you give one; may be given several "
        "times",
    )
    parser.add_argument("--first", default="as it is", help='name of the row that is not varied (default "as it is")')
    parser.add_argument("--seeds", type=positive, default=1, help="runs of each variation (default 1)")
    parser.add_argument(
        "--samples", type=positive, help="images a score is of (default: as many as the test split has)"
    )
    parser.add_argument("--dataset", help="cifar10, sprites, or a folder with train/<class>/* and test/<class>/*")
    parser.add_argument("--classes", help="train on these classes only, separated by commas")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--epochs", help="passes over the training images, of every run")
    budget.add_argument(
        "--minutes",
        type=positive,
        help="minutes of processor time for every run instead, which has as many epochs as fit in them",
    )
    add_settings(parser, "change a setting of all runs")
    # What `configure` asks for too, and a study draws itself.
    parser.set_defaults(seed=None)


def _study(arguments):
    config = configure(arguments)
    import_keras(arguments)

    from coursework.studies.variations.study import run_study

    run_study(
        arguments.name,
        config,
        arguments.vary,
        arguments.seeds,
        arguments.samples,
        arguments.minutes,
        first=arguments.first,
    )


def add_judge(verbs):
    """Add the verb `judge`."""
    parser = add_verb(
        verbs, "judge", _judge, "Train the classifier whose features give FD-judge, or a witness of winged horses."
    )
    parser.add_argument("--dataset", default="cifar10", help="cifar10 (default), sprites or a folder of images")
    parser.add_argument(
        "--role",
        choices=("judge", "witness", "second"),
        default="judge",
        help="judge (default); witness: evidence of several classes at once, which Pegasus is searched and ranked by; "
        "second: another witness, for the final tables alone",
    )
    parser.add_argument("--epochs", type=positive, help="passes over the training images")
    parser.add_argument("--seed", type=seed, help="default 0, of the second witness 1")


def _judge(arguments):
    from coursework.data import load_dataset

    dataset = load_dataset(arguments.dataset)
    import_keras(arguments)
    if arguments.role != "judge":
        _train_witness(dataset, arguments)
        return

    from coursework.extractors.judge_training import train_judge

    judge = train_judge(dataset, epochs=arguments.epochs, seed=arguments.seed or 0)
    print(f"judge of {judge.dataset}: {100 * judge.accuracy:.2f} % of the test images right, {judge.sha256[:12]}")


def _train_witness(dataset, arguments):
    from coursework.pegasus.witness_training import train_witness

    witness = train_witness(dataset, role=arguments.role, epochs=arguments.epochs, seed=arguments.seed)
    print(
        f"{witness.role} of {witness.dataset}: {100 * witness.accuracy:.2f} % of the test images right, "
        f"calibration error {100 * witness.calibration_error:.2f} %, {witness.sha256[:12]}"
    )
