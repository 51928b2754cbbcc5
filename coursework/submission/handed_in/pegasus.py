"""A Pegasus from CIFAR-10: remakes the best image and the batch of 64, or trains everything again.

python pegasus.py            decode the stored latents by the trained generators, compare with the images handed in
python pegasus.py --train    train judges, witnesses and generators on CIFAR-10, make candidates and choose anew
"""

import argparse
import dataclasses
import hashlib
import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What is handed in, and nothing else that may be installed under that name: not even, as an editable installation would
# have it, in place of a file that is missing here.
sys.path.insert(0, str(HERE))
ELSEWHERE = "editable___coursework"
sys.meta_path = [finder for finder in sys.meta_path if ELSEWHERE not in getattr(finder, "__module__", "")]

BODY, WINGS = "horse", ("bird", "airplane")
COUNT = 64
NEEDED = ("numpy", "PIL", "keras", os.environ.get("KERAS_BACKEND", "tensorflow"))
# What names folders, from where the user is.
PLACES = ("COURSEWORK_DATA", "COURSEWORK_CACHE")
# Of 255: how much another processor may round differently.
TOLERANCE = 1


def main():
    """Run the command line and return its exit code: 0, or 2 with one line that says what is amiss."""
    arguments = parse()
    try:
        from coursework.util.errors import UserError
    except ImportError as error:
        return fail(explained(error))
    try:
        check_files()
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            return fail(explained(ModuleNotFoundError(f"no module {', '.join(missing)}")))
        from coursework.util.quiet import pin_environment, silence

        pin_environment()
        silence()
        return train_again(arguments) if arguments.train else remake_images(arguments)
    except UserError as error:
        return fail(str(error))
    except ImportError as error:
        return fail(explained(error))
    except (OSError, MemoryError) as error:
        return fail(f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        return fail("interrupted; with --train, the same command goes on with what is finished")


def remake_images(arguments):
    """Write the best image and the batch as weights and latents make them; return 0 if they are those handed in."""
    from coursework.pegasus.batch_files import cut, read_records, write_images
    from coursework.pegasus.candidates import read_latents
    from coursework.pegasus.decoding import remake
    from coursework.training.run import Run
    from coursework.training.sampling import TrainedRun

    records, latents = read_records(HERE / "pegasus.json"), read_latents(HERE / "latents.npz")
    trained = {}

    def run_named(name, weights):
        if (name, weights) not in trained:
            trained[name, weights] = TrainedRun(Run(HERE / "runs" / name), weights == "best")
        return trained[name, weights]

    images = remake(run_named, [record["origin"] for record in records], latents)
    write_images(arguments.output, images)
    best, sheet = pixels(HERE / "pegasus.png"), pixels(HERE / "batch.png")
    handed_in = cut(sheet, *images.shape[1:3])
    if handed_in is None or handed_in.shape != images.shape or best.shape != images.shape[1:]:
        return fail("the images handed in are of another size or number than those remade")
    off = max(difference(best, images[0]), difference(handed_in, images))
    names = ("pegasus.png", "batch.png")
    if all((HERE / name).read_bytes() == (arguments.output / name).read_bytes() for name in names):
        words = "equal to the ones handed in, byte for byte"
    else:
        words = f"the largest difference of a pixel from the ones handed in is {off} of 255"
    print(f"{arguments.output}: the best image and the batch of {len(images)}, {words}")
    return 0 if off <= TOLERANCE else fail(f"the images remade are not those handed in: off by up to {off} of 255")


def train_again(arguments):
    """Train judges, witnesses and generators on CIFAR-10, make candidates by the same strategies and choose 64.

    What a generator of winged horses learns from, the collages, is made anew from CIFAR-10 too.
    """
    from coursework.config.schema import Config
    from coursework.data import load_dataset
    from coursework.extractors.judge_training import train_judge
    from coursework.pegasus.batch_files import read_records
    from coursework.pegasus.collages.dataset import write_collages
    from coursework.pegasus.collages.record import CLASS, read_settings
    from coursework.pegasus.making import make_pegasi
    from coursework.pegasus.task import Sampling, Task
    from coursework.pegasus.winged_training import train_winged_judge
    from coursework.pegasus.witness_training import train_witness
    from coursework.training.loop import train
    from coursework.training.run import RUNS, Run
    from coursework.util.files import read_json, read_text

    records = read_records(HERE / "pegasus.json")
    conditions = read_json(HERE / "comparison.json", dict)
    files = sorted((HERE / "runs").glob("*/config.json"))
    configs = {file.parent.name: Config.from_json(read_text(file), file) for file in files}
    # All that follows is kept in reports/, as by `make`: what is finished is found there by the next call.
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in PLACES:
        if os.environ.get(name):
            # Where the user is, not where the script will be.
            os.environ[name] = os.path.abspath(os.path.expanduser(os.environ[name]))
    os.chdir(arguments.output)
    dataset = load_dataset("cifar10")
    if dataset.fingerprint != conditions.get("dataset_fingerprint"):
        print("these copies of the images are not the ones that the report tells of, such as JPEG files of them")
    train_judge(dataset, epochs=arguments.epochs, replace=True)
    witness = train_witness(dataset, role="witness", epochs=arguments.epochs, replace=True)
    second = train_witness(dataset, role="second", epochs=arguments.epochs, replace=True)
    runs = []
    for name, config in configs.items():
        config = dataclasses.replace(config, epochs=arguments.epochs or config.epochs)
        made = read_settings(HERE / "runs" / name)
        if made:
            train_winged_judge(dataset, epochs=arguments.epochs, body=made.body, wings=made.wings)
            collages = Path("data") / name
            if not collages.exists():
                others = [each for each in made.classes if each not in (made.body, made.wings, CLASS)]
                write_collages(dataset, collages, made.body, made.wings, others, made.collages.train, made.seed)
            config = dataclasses.replace(config, dataset=str(collages))
        print(f"{name}: {config.epochs} epochs")
        train(config, Run(RUNS / name))
        runs.append(Run(RUNS / name))
    rows = [row for row in conditions.get("rows", ()) if row.get("run") in configs]
    strategies = [row["name"] for row in rows] or [record["strategy"] for record in records]
    body, wings = conditions.get("body", BODY), tuple(conditions.get("wings", WINGS))
    make_pegasi(
        Task(dataset, body, wings, witness, Sampling(**conditions.get("sampling") or {})),
        runs,
        second,
        list(dict.fromkeys(strategies)),
        arguments.pool or max((row["candidates"] for row in rows), default=512),
        COUNT,
        records[0]["origin"].get("seed", 0),
        label=conditions.get("dataset_label"),
    )
    print(f"{arguments.output}: reports/pegasus/pegasus.png and batch.png, of networks trained anew")
    return 0


def parse():
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(prog="pegasus.py", description="Remake the images handed in, or train again.")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: remade, with --train trained")
    parser.add_argument("--train", action="store_true", help="train everything again from CIFAR-10; takes hours")
    parser.add_argument("--epochs", type=positive, help="with --train: passes of every network, to try it in minutes")
    parser.add_argument("--pool", type=positive, help="with --train: candidates of each strategy and run, 64 or more")
    arguments = parser.parse_args()
    if not arguments.train and (arguments.epochs or arguments.pool):
        parser.error("--epochs and --pool go with --train")
    if arguments.pool and arguments.pool < COUNT:
        parser.error(f"--pool {arguments.pool} cannot fill a batch of {COUNT}")
    arguments.output = (arguments.output or Path("trained" if arguments.train else "remade")).resolve()
    if arguments.output == HERE:
        parser.error("--output would overwrite what is handed in: name another folder")
    return arguments


def positive(text):
    """Return a whole number of 1 or more."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, found {text!r}")
    return int(text)


def check_files():
    """Raise `UserError` where a file is not as it was handed in, and where the package is another one."""
    import coursework
    from coursework.util.errors import UserError
    from coursework.util.files import read_json

    if HERE not in Path(coursework.__file__).resolve().parents:
        raise UserError(f"the package coursework is taken from {coursework.__file__}, not from {HERE}")
    files = read_json(HERE / "manifest.json", dict).get("files")
    if not isinstance(files, dict) or not all(isinstance(entry, dict) for entry in files.values()):
        raise UserError("manifest.json is not the one handed in: unpack the zip again")
    for path, entry in files.items():
        file = HERE / path
        if not file.is_file():
            raise UserError(f"{path} is missing: unpack the whole zip")
        if path.endswith((".keras", ".npz", ".json")) and digest(file) != entry.get("sha256"):
            raise UserError(f"{path} is not the one handed in: unpack the zip again")


def digest(file):
    """Return the hexadecimal SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def pixels(file):
    """Return the uint8 pixels (h, w, 3) of an image file."""
    import numpy
    from PIL import Image

    with Image.open(file) as image:
        return numpy.asarray(image.convert("RGB"))


def difference(first, second):
    """Return the largest difference between two uint8 arrays."""
    return int(abs(first.astype(int) - second.astype(int)).max())


def explained(error):
    """Return what to do about a module that cannot be imported."""
    if (error.name or "").startswith("coursework"):
        return f"{error}: unpack the whole zip"
    return f"{error}: pip install -r requirements.txt, in Python 3.11 or newer (this is {sys.version.split()[0]})"


def fail(message):
    """Tell in one line what is amiss and return exit code 2."""
    print("pegasus.py: error: " + " ".join(message.split()), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
