"""Training witnesses: views and composites of the training split, then calibration on a part of it kept out."""

import math
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops

from coursework.data.pipeline import feed
from coursework.extractors.judge import find_judge, judge_folder
from coursework.extractors.judge_training import fastest_precision, learning_rate
from coursework.extractors.recorded import already_trained, class_fingerprints, save
from coursework.metrics.classification import area_under_curve
from coursework.pegasus.calibration import Calibration, calibration_error
from coursework.pegasus.witness import ROLES, Witness, load
from coursework.pegasus.witness_batches import Examples, WitnessBatches
from coursework.pegasus.witness_network import NETWORKS
from coursework.util.errors import UserError
from coursework.util.progress import epoch_verbosity

EPOCHS = {"witness": 6, "second": 8}
SEEDS = {"witness": 0, "second": 1}
WIDTHS = {"witness": 24, "second": 24}
# A small data set is passed more often than that, until the witness has had this many updates.
FEWEST_UPDATES = 700
BATCH_SIZE = 128
PEAK_RATE = 2e-3
WEIGHT_DECAY = 0.02
# Share of the training split, drawn by the seed, that is kept out of training for the calibration.
HELD_OUT = 0.1


def train_witness(
    dataset,
    folder=None,
    role="witness",
    epochs=None,
    seed=None,
    width=None,
    judge=None,
    progress=True,
    report=print,
    replace=False,
):
    """Train a witness on the training split of `dataset`, save it in `folder` and return it.

    A witness of that role already there for the same data set, epochs, seed, width and start is returned as it is; one
    with others is replaced only where `replace` is true.

    folder: by default that of `judge_folder`. role: one of `ROLES`. epochs, seed, width: by default
    those of the role. judge: `Judge` whose layers the role "witness" starts from; its width is that of the witness.
    By default that of the data set where there is one; False for none.
    Raises `UserError` for a data set of one class, and where training diverges.
    """
    if role not in ROLES:
        raise UserError(f'there is no role "{role}": a witness is {" or ".join(ROLES)}')
    if len(dataset.class_names) < 2:
        raise UserError(f"a witness tells classes apart, and {dataset.name} has only {', '.join(dataset.class_names)}")
    folder = Path(folder or judge_folder(dataset))
    start = _start(dataset, role, judge, width)
    train, held_out = _split(dataset, SEEDS[role] if seed is None else seed)
    batch_size = min(BATCH_SIZE, len(train.images))
    steps = len(train.images) // batch_size
    settings = {
        "fingerprint": dataset.fingerprint,
        "role": role,
        "epochs": epochs or max(EPOCHS[role], math.ceil(FEWEST_UPDATES / steps)),
        "seed": SEEDS[role] if seed is None else seed,
        "width": start.width if start else width or WIDTHS[role],
        "judge_sha256": start.sha256 if start else "",
    }
    witness = already_trained(lambda: load(folder, role), settings, dataset, replace)
    if witness is not None:
        report(f"{folder} holds this {role} already: {_describe(witness)}")
        return witness
    started = time.perf_counter()
    build = _builder(dataset, role, settings)
    network = build(precision=fastest_precision(settings["width"]))
    if start:
        _copy_layers(start.model, network)
    _fit(network, WitnessBatches(train, batch_size, settings["seed"]), settings["epochs"], progress)
    model = _calibrated(network, build, held_out, settings["seed"])
    seconds = round(time.perf_counter() - started, 1)
    witness = Witness(
        model=model,
        dataset=dataset.name,
        class_names=dataset.class_names,
        class_fingerprints=class_fingerprints(dataset),
        seconds=seconds,
        sha256="",
        **settings,
        **measure(model, dataset),
    )
    witness = save(witness, folder)
    report(f"{folder}: {_describe(witness)}")
    return witness


def measure(model, dataset):
    """Return {"accuracy", "presence_auc", "unity_auc", "calibration_error"} of a witness's network, see `Witness`."""
    singles = _outputs(model, dataset.test_images)
    examples = Examples(dataset.test_images, dataset.test_labels, len(dataset.class_names))
    outputs, truth = _examine(model, examples, seed=0)
    single = truth["unity"] == 1
    return {
        "accuracy": float(np.mean(singles["presence"].argmax(axis=1) == dataset.test_labels)),
        "presence_auc": _presence_auc(outputs["presence"], truth["presence"]),
        "unity_auc": area_under_curve(outputs["unity"][single], outputs["unity"][~single]),
        "calibration_error": max(calibration_error(outputs[name], truth[name]) for name in truth),
    }


def _start(dataset, role, judge, width):
    """Return the judge to start from, None for none."""
    if role != "witness" or judge is False:
        return None
    judge = judge or find_judge(dataset)
    fits = judge is not None and judge.knows(dataset) and width in (None, judge.width)
    return judge if fits else None


def _split(dataset, seed):
    """Return `Examples` of most of the training split, and of the part kept out for the calibration."""
    count = len(dataset.train_images)
    order = np.random.default_rng((seed, count)).permutation(count)
    held_out = max(1, round(HELD_OUT * count))
    return tuple(
        Examples(dataset.train_images[rows], dataset.train_labels[rows], len(dataset.class_names))
        for rows in (order[held_out:], order[:held_out])
    )


def _builder(dataset, role, settings):
    """Return a function that builds the role's network, of a precision or with a calibration."""

    def build(**options):
        return NETWORKS[role](
            dataset.image_shape, len(dataset.class_names), settings["width"], settings["seed"], **options
        )

    return build


def _copy_layers(source, target):
    """Copy the weights of all convolutions and normalisations that both networks have by name and shape."""
    names = {layer.name for layer in source.layers}
    for layer in target.layers:
        if layer.name in names and layer.weights and layer.name not in ("features", "logits"):
            layer.set_weights(source.get_layer(layer.name).get_weights())


def _fit(network, batches, epochs, progress):
    """Train on the sum of all classes' and unity's binary cross-entropies."""
    trained = keras.Model(network.input, {name: network.output[name] for name in ("presence", "unity")})
    optimizer = keras.optimizers.AdamW(
        learning_rate(len(batches) * epochs, PEAK_RATE), weight_decay=WEIGHT_DECAY, epsilon=1e-8
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    # XLA makes convolutions on a CPU slower.
    trained.compile(optimizer, {"presence": _summed, "unity": _summed}, jit_compile=False)
    trained.fit(feed(batches), epochs=epochs, shuffle=False, verbose=epoch_verbosity(progress))


def _summed(truth, log_odds):
    """Return (n,) binary cross-entropies, summed over what else there is."""
    losses = ops.binary_crossentropy(ops.cast(truth, log_odds.dtype), log_odds, from_logits=True)
    return ops.sum(ops.reshape(losses, (ops.shape(losses)[0], -1)), axis=1)


def _calibrated(network, build, held_out, seed):
    """Return the network in float32 with its outputs calibrated on what it has not seen."""
    exact = build()
    exact.set_weights(network.get_weights())
    calibration = Calibration.fit(*_examine(exact, held_out, seed))
    calibrated = build(calibration=calibration)
    calibrated.set_weights(network.get_weights())
    return calibrated


def _examine(model, examples, seed):
    """Return {head: outputs} and {head: truth} of each image as a composite and as one picture, where it has weight."""
    rows = np.arange(len(examples.images))
    images, truth, weights = examples.make(np.concatenate([rows, rows]), np.random.default_rng((seed, len(rows))))
    outputs = _outputs(model, images)
    return tuple({name: values[name][weights[name] > 0] for name in truth} for values in (outputs, truth))


def _outputs(model, images):
    outputs = model.predict(images, batch_size=500, verbose=0)
    if not all(np.isfinite(outputs[name]).all() for name in ("presence", "unity")):
        raise UserError("training the witness diverged: try another seed")
    return {name: np.asarray(outputs[name], np.float64) for name in ("presence", "unity")}


def _presence_auc(log_odds, truth):
    """Return the mean over classes of the area under the curve: surely there against surely not."""
    there, not_there = truth >= 0.999, truth <= 0.001
    columns = range(truth.shape[1])
    return float(np.mean([area_under_curve(log_odds[there[:, k], k], log_odds[not_there[:, k], k]) for k in columns]))


def _describe(witness):
    return (
        f"finds a class in an image with area under the curve {witness.presence_auc:.3f} and tells one picture from "
        f"two with {witness.unity_auc:.3f}, trained in {witness.training_time}"
    )
