"""Why a decoder can be sampled from N(0, I), or not: an autoencoder's codes of data compared with the prior.

The codes of all images together follow the aggregate posterior q(z) = E_x q(z | x) (Makhzani et al. 2016). A decoder
has seen nothing but draws from it: where N(0, I) is like it, what it makes of that can be as good as reconstructions.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from coursework.data import load_dataset
from coursework.evaluation.comparison import Comparison, Part
from coursework.evaluation.scoring import frechet
from coursework.evaluation.sources import EVALUATION_SEED, ImageSet, drawn, split_of
from coursework.extractors.judge import judge_extractor, require_judge
from coursework.metrics.codes import gaussian_mixture
from coursework.metrics.prior import active_dimensions, discrepancy, kl_by_dimension
from coursework.metrics.sample_size import sample_size_problem
from coursework.models.autoencoder import CODE_COUNT
from coursework.models.base import spread, to_unit_range
from coursework.networks.latents import Seed, draw_codes, draw_latents, draw_posterior_codes, fit_codes
from coursework.studies.aggregate_posterior_figure import draw_posterior
from coursework.studies.downstream import require_autoencoder
from coursework.studies.tabulate import write_study
from coursework.training.run import Report, Run
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError
from coursework.util.files import parse_json, read_text
from coursework.util.tables import aligned, cell, with_error

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

FOLDER = Path("reports/aggregate-posterior")
# Ghosh et al. 2020 fit as many to the codes of trained autoencoders, and sample from them.
COMPONENTS = 10
# Where codes to decode come from, and as figures and tables call it.
SOURCES = {
    "prior": "N(0, I)",
    "gaussian": "one Gaussian",
    "mixture": f"{COMPONENTS} Gaussians",
    "reconstruction": "reconstructions",
}
COLUMNS = {
    "run": "run",
    "code_size": "numbers in a code",
    "active": "active dimensions",
    "kl": "KL from the prior, nats",
    "largest_mean": "largest mean of a dimension",
    "least_variance": "smallest variance of a dimension",
    "largest_variance": "largest variance of a dimension",
    "mmd": "MMD^2",
    "mmd_error": "MMD^2, standard error",
    "mmd_floor": "MMD^2 of two sets from N(0, I)",
    "mmd_floor_error": "MMD^2 of two sets, standard error",
    **{f"fd_{name}": f"FD-judge, {words}" for name, words in SOURCES.items()},
    "fd_error": "FD-judge, largest standard error",
    "fd_floor": "FD-judge, test images",
    "n": "n",
    "codes": "training codes",
    "seed": "seed",
    "extractor_sha256": "judge",
}


@dataclass(frozen=True)
class Posterior:
    """Gaussian posteriors q(z | x) of images: codes drawn from them, means and log variances, all (n, d).

    Of an encoder without a variance the codes are the means, and `log_variance` is None.
    """

    codes: np.ndarray
    mean: np.ndarray
    log_variance: np.ndarray | None


def posterior_of(encoder: keras.Model, images: np.ndarray, seed: Seed, batch_size: int = 250) -> Posterior:
    """Return the `Posterior` of uint8 images."""
    outputs = encoder.predict(ops.convert_to_numpy(to_unit_range(images)), batch_size=batch_size, verbose=0)
    if not isinstance(outputs, list | tuple):
        codes = outputs.reshape(len(images), -1)
        return Posterior(codes, codes, None)
    mean, log_variance = (output.reshape(len(images), -1) for output in outputs)
    return Posterior(draw_posterior_codes(mean, log_variance, seed), mean, log_variance)


def run_aggregate_posterior(
    runs: list[Run], samples: int | None = None, folder: str | Path = FOLDER, report: Report = print
) -> list[dict]:
    """Compare the codes of each of `runs` with N(0, I); write scores.json, table.csv and figures into `folder`.

    samples: images of each kind that are scored, by default as many as the test split holds. What `folder` holds of
    other runs stays. Returns the rows of `runs`, see `measure_posterior`.
    """
    folder, rows = Path(folder), []
    _read(folder)
    for run in runs:
        row, codes, images = measure_posterior(run, samples, report)
        sheets = [(words, images[name], row[f"fd_{name}"]) for name, words in SOURCES.items()]
        draw_posterior(codes, sheets, folder, row["run"].replace("/", "-"))
        _keep(folder, row)
        rows.append(row)
    return rows


def measure_posterior(
    run: Run, samples: int | None = None, report: Report = print
) -> tuple[dict, np.ndarray, dict[str, np.ndarray]]:
    """Return (row, codes of training images (n, d), {source of `SOURCES`: uint8 images of it}) of a trained run.

    The row holds, of the codes of up to `CODE_COUNT` training images: `active` dimensions, `kl` from the prior and
    `kls` of each dimension in nats (None for an encoder without a variance), `means` and `variances`; `mmd`, the
    squared maximum mean discrepancy from N(0, I) of up to `n` of them, and `mmd_floor`, that of two sets from N(0, I),
    with standard errors; and for each of `SOURCES` FD-judge of `n` decoded images against the training images, with a
    standard error. Gaussian and mixture are fitted to the training codes. `fd_floor` is that of `n` test images.
    Raises `UserError` for a run without codes or encoder, without a judge, and without scikit-learn.
    """
    config = require_autoencoder(run)
    mixture = gaussian_mixture(COMPONENTS, EVALUATION_SEED)
    dataset = load_dataset(config.dataset, config.classes)
    if len(dataset.train_images) < 2 * COMPONENTS:
        raise UserError(f"{dataset.name} has too few training images for {COMPONENTS} Gaussians of codes")
    trained, extractor = TrainedRun(run), judge_extractor(require_judge(dataset))
    encoder, shape = trained.network("encoder"), trained.latent_shape
    test = drawn(split_of(dataset, "test"), samples or len(dataset.test_images), EVALUATION_SEED)
    count = len(test.images)
    seen = spread(dataset.train_images, min(CODE_COUNT, len(dataset.train_images)))
    report(f"{run.name}: codes of {len(seen):,} training images and a mixture of {COMPONENTS} Gaussians of them")
    posterior = posterior_of(encoder, seen, _seed(1))
    codes = {
        "prior": draw_latents("normal", count, shape, EVALUATION_SEED),
        "gaussian": draw_codes(fit_codes(posterior.codes), count, shape, EVALUATION_SEED),
        "mixture": draw_from_mixture(mixture, posterior.codes, count, report).reshape(count, *shape),
        "reconstruction": posterior_of(encoder, test.images, _seed(2)).codes.reshape(count, *shape),
    }
    # Kept until the end: a comparison knows its sets by their being there.
    parts = {name: Part(ImageSet(f"{run.name}, {SOURCES[name]}", trained.decode(codes[name]))) for name in SOURCES}
    comparison = Comparison(test, split_of(dataset, "train"))
    parts["floor"] = comparison.fake
    distances = {
        name: frechet(comparison, extractor, part, comparison.real, True)["fd"] for name, part in parts.items()
    }
    problem = sample_size_problem(
        "fd_judge", count, len(dataset.train_images), comparison.features(comparison.fake, extractor).shape[1]
    )
    if problem:
        report(f"warning: {problem[1]}")
    row = {
        "run": run.label,
        "model": config.model.name,
        "code_size": posterior.codes.shape[1],
        **_moments(posterior),
        **_discrepancies(posterior.codes, count),
        **{f"fd_{name}": value.value for name, value in distances.items()},
        "fd_errors": {name: value.error for name, value in distances.items()},
        "fd_error": max(value.error or 0.0 for value in distances.values()),
        "components": COMPONENTS,
        "n": count,
        "codes": len(posterior.codes),
        "seed": EVALUATION_SEED,
        "reference": f"{config.dataset}:train",
        "extractor": extractor.label,
        "extractor_sha256": extractor.sha256,
        "dataset_fingerprint": dataset.fingerprint,
    }
    return row, posterior.codes, {name: parts[name].images.images for name in SOURCES}


def _seed(number: int) -> tuple[int, int]:
    """Return a seed for draws that must not be those of N(0, I) with which they are compared."""
    return EVALUATION_SEED, number


def draw_from_mixture(mixture: "GaussianMixture", codes: np.ndarray, count: int, report: Report = print) -> np.ndarray:
    """Return float32 draws (count, d), in random order, from a mixture fitted to codes (n, d)."""
    # What scikit-learn adds to variances, so that none is 0, is meant for numbers of the order of 1.
    scale = float(np.std(codes, dtype=np.float64)) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mixture.fit(np.asarray(codes, np.float64) / scale)
    if not mixture.converged_:
        report(f"warning: the mixture was still changing after {mixture.n_iter_} steps of expectation maximisation")
    draws, _ = mixture.sample(count)
    return (scale * np.random.default_rng(_seed(3)).permutation(draws)).astype(np.float32)


def _moments(posterior: Posterior) -> dict[str, Any]:
    codes = np.asarray(posterior.codes, np.float64)
    means, variances = codes.mean(axis=0), codes.var(axis=0)
    found: dict[str, Any] = {
        "active": active_dimensions(posterior.mean),
        "kl": None,
        "largest_mean": float(abs(means).max()),
        "least_variance": float(variances.min()),
        "largest_variance": float(variances.max()),
        "means": _listed(means),
        "variances": _listed(variances),
        "kls": None,
    }
    if posterior.log_variance is not None:
        kls = kl_by_dimension(posterior.mean, posterior.log_variance)
        found |= {"kl": float(kls.sum()), "kls": _listed(kls)}
    return found


def _listed(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _discrepancies(codes: np.ndarray, count: int) -> dict[str, float]:
    """Return the discrepancy of `count` codes from N(0, I), and that of two sets from N(0, I)."""
    chosen = np.random.default_rng(_seed(4)).choice(len(codes), min(count, len(codes)), replace=False)
    normal = [draw_latents("normal", len(chosen), codes.shape[1:], _seed(number)) for number in (5, 6, 7)]
    value, error = discrepancy(codes[chosen], normal[0])
    floor, floor_error = discrepancy(normal[1], normal[2])
    return {"mmd": value, "mmd_error": error, "mmd_floor": floor, "mmd_floor_error": floor_error}


def _read(folder: Path) -> list[dict]:
    """Return the rows in scores.json of `folder`."""
    file = folder / "scores.json"
    rows = parse_json(read_text(file), file) if file.is_file() else []
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        raise UserError(f"{file} should hold a JSON list of objects: remove it to begin anew")
    return rows


def _keep(folder: Path, row: dict) -> None:
    """Write the row to scores.json, in place of one of the same run, and all of them to table.csv."""
    rows = [*(each for each in _read(folder) if each.get("run") != row["run"]), row]
    rows.sort(key=lambda each: str(each.get("run")))
    write_study(folder, rows, [COLUMNS.values(), *([each.get(name) for name in COLUMNS] for each in rows)])


def table(rows: list[dict]) -> list[str]:
    """Return the lines of the table of rows for a terminal."""
    cells = [["run", "active", "KL, nats", "MMD^2 x 1000", "floor", *SOURCES.values(), "test images"]]
    for row in rows:
        active = f"{row['active']:,} of {row['code_size']:,}"
        mmd = with_error(row["mmd"], row["mmd_error"], 2, 1000)
        distances = [f"{row[f'fd_{name}']:.2f}" for name in (*SOURCES, "floor")]
        floor = f"{1000 * row['mmd_floor']:.2f}"
        cells.append([row["run"][:31], active, cell(row["kl"], ".1f"), mmd, floor, *distances])
    return [*aligned(cells), f"{SOURCES['prior']} to test images: FD-judge of images from each"]
