"""Search for latents by gradient ascent: Adam (Kingma & Ba 2015) on evidence and prior, many candidates at a time."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from coursework.metrics.neighbours import OnStep
from coursework.networks.backend import Tensor, compiled, gradients_by_tensors, no_gradient
from coursework.pegasus.decoding import batches, images_of
from coursework.training.sampling import TrainedRun

# Tensors by name.
Tensors: TypeAlias = dict[str, Tensor]
# pool: random starts for each candidate, of which the best climbs; rate: Adam's, in standard deviations of a latent.
# By eye on sprites: at 0.05 there is more evidence yet, in candidates that are all alike.
SETTINGS: dict[str, Any] = {"pool": 32, "steps": 50, "rate": 0.02}
# Largest shift of the images that are judged, in pixels.
SHIFT = 2
BETAS, EPSILON = (0.9, 0.999), 1e-8


def to_latents(coordinates: Tensor, distribution: str) -> Tensor:
    """Return latents of Gaussian coordinates: themselves, or for "uniform" 2 Phi(x) - 1, uniform in [-1, 1].

    So one search and one prior serve both, and no step leaves the box.
    """
    return ops.erf(coordinates / 2.0**0.5) if distribution == "uniform" else coordinates


def log_shell(coordinates: Tensor) -> Tensor:
    """Return (n,): log density of the norm of a Gaussian vector (n, d) without its constant, (d - 1) log r - r^2 / 2.

    The density of the vector itself is highest at zero, where none ever is; this one is highest at r = sqrt(d - 1),
    where nearly all are (the chi distribution; Samuel et al. 2023 search latents with it).
    """
    square = ops.sum(ops.square(coordinates), axis=-1)
    return 0.5 * (coordinates.shape[-1] - 1) * ops.log(square + 1e-12) - 0.5 * square


def placement(size: int, shift: int, flipped: bool = False) -> np.ndarray:
    """Return float32 (size, size), the matrix that moves a line of pixels by `shift`, edges repeated, or mirrors it."""
    source = np.clip(np.arange(size) - shift, 0, size - 1)
    matrix = np.eye(size, dtype=np.float32)[source]
    return matrix[:, ::-1] if flipped else matrix


def placed(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return images (n, h, w, c) with both axes moved by matrices (h, h) and (w, w) of `placement`."""
    return ops.einsum("ij,njkc->nikc", rows, ops.einsum("kl,njlc->njkc", columns, images))


def search(
    trained: TrainedRun,
    latents_of: Callable[..., Tensors],
    terms: Sequence[Callable[..., Tensor]],
    free: dict[str, np.ndarray],
    fixed: dict[str, np.ndarray],
    seed: int,
    prior: Callable[[Tensors], Tensor],
    settings: dict[str, Any] = SETTINGS,
    progress: OnStep | None = None,
) -> dict[str, np.ndarray]:
    """Return the latents {name: float32 (n, ...)} that gradient ascent finds for n candidates, each on its own.

    trained: `TrainedRun`. free: {name: float32 (n, pool, ...)}, starts, of which each candidate's best one climbs;
    fixed: {name: float32 (n, ...)}. latents_of(free, fixed): latents as `images_of` takes them; prior(free): (n,) log
    density; terms: see `coursework.pegasus.terms`; what is climbed is the sum of all. Images are judged shifted by up
    to `SHIFT` pixels and mirrored, differently in every step, so that no accident of the judge's pays. progress: called
    with (steps done, steps in all).
    """
    height, width = trained.generator.outputs[0].shape[1:3]
    objective = _objective(trained, latents_of, terms, prior)
    value_once, step_once, latents_once = map(compiled, (objective, _step(objective, settings["rate"]), latents_of))
    unmoved = [ops.convert_to_tensor(placement(size, 0)) for size in (height, width)]
    views = _views(seed, settings["steps"], height, width)
    tell = _teller(progress, len(list(batches(free))) * (free[next(iter(free))].shape[1] + len(views)))
    found = []
    with no_gradient():
        for batch, count in batches({**free, **fixed}):
            constants = {name: ops.convert_to_tensor(batch[name]) for name in fixed}
            starts = {name: batch[name] for name in free}

            def value(some: Tensors, constants: Tensors = constants) -> Tensor:
                return value_once(some, constants, *unmoved)

            state = _best_starts(starts, value, tell)
            first = {name: ops.zeros_like(state[name]) for name in free}
            second = dict(first)
            for number, view in enumerate(views, start=1):
                number = ops.convert_to_tensor(np.float32(number))
                state, first, second = step_once(state, first, second, number, constants, *view)
                tell()
            latents = keras.tree.map_structure(ops.convert_to_numpy, latents_once(state, constants))
            found.append({name: array[:count].astype(np.float32) for name, array in latents.items()})
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _objective(
    trained: TrainedRun,
    latents_of: Callable[..., Tensors],
    terms: Sequence[Callable[..., Tensor]],
    prior: Callable[[Tensors], Tensor],
) -> Callable[..., Tensor]:
    """Return what is climbed, a function of (free, fixed, matrices of a view): (n,)."""

    def objective(free: Tensors, fixed: Tensors, rows: Tensor, columns: Tensor) -> Tensor:
        latents = latents_of(free, fixed)
        images = placed(ops.cast(images_of(trained, latents), "float32"), rows, columns)
        return sum((term(images, {**fixed, **latents}) for term in terms), prior(free))

    return objective


def _step(objective: Callable[..., Tensor], rate: float) -> Callable[..., tuple[Tensors, Tensors, Tensors]]:
    """Return one step of Adam up the objective, a function of (free, both moments, its number, fixed, a view)."""

    def step(
        free: Tensors, first: Tensors, second: Tensors, number: Tensor, fixed: Tensors, rows: Tensor, columns: Tensor
    ) -> tuple[Tensors, Tensors, Tensors]:
        names = list(free)

        def value(*tensors: Tensor) -> Tensor:
            return objective(dict(zip(names, tensors, strict=True)), fixed, rows, columns)

        _, gradients = gradients_by_tensors(value, [free[name] for name in names])
        moved, firsts, seconds = {}, {}, {}
        for name, gradient in zip(names, gradients, strict=True):
            firsts[name] = BETAS[0] * first[name] + (1 - BETAS[0]) * gradient
            seconds[name] = BETAS[1] * second[name] + (1 - BETAS[1]) * ops.square(gradient)
            mean = firsts[name] / (1 - BETAS[0] ** number)
            spread = ops.sqrt(seconds[name] / (1 - BETAS[1] ** number))
            moved[name] = free[name] + rate * mean / (spread + EPSILON)
        return moved, firsts, seconds

    return step


def _best_starts(
    starts: dict[str, np.ndarray], value: Callable[[Tensors], Tensor], tell: Callable[[], object]
) -> Tensors:
    """Return {name: tensor (n, ...)}: of the starts {name: array (n, pool, ...)} of each candidate the best one."""
    values = []
    for place in range(next(iter(starts.values())).shape[1]):
        some = {name: ops.convert_to_tensor(array[:, place]) for name, array in starts.items()}
        values.append(ops.convert_to_numpy(value(some)))
        tell()
    best = np.argmax(values, axis=0)
    return {name: ops.convert_to_tensor(array[np.arange(len(best)), best]) for name, array in starts.items()}


def _teller(progress: OnStep | None, total: int) -> Callable[[], object]:
    """Return a function that counts its calls and tells `progress`, where there is one."""
    steps = itertools.count(1)
    return lambda: progress(next(steps), total) if progress else None


def _views(seed: int, steps: int, height: int, width: int) -> list[tuple[Tensor, Tensor]]:
    """Return the matrices of each step's shift and mirroring, the same for all candidates."""
    generator = np.random.default_rng([seed, steps])
    shifts = generator.integers(-SHIFT, SHIFT + 1, (steps, 2))
    flips = generator.random(steps) < 0.5
    return [
        (
            ops.convert_to_tensor(placement(height, down)),
            ops.convert_to_tensor(np.ascontiguousarray(placement(width, across, flipped))),
        )
        for (down, across), flipped in zip(shifts, flips, strict=True)
    ]
