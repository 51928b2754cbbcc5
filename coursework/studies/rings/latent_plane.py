"""Which latents become which mode, through training: the latent plane coloured by the mode of what it maps to."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from keras import ops
from PIL import Image

from coursework.config.schema import Config
from coursework.data.mixtures import MIXTURES, Mixture
from coursework.figures.grids import drawing_style, new_figure
from coursework.metrics.mixtures import RADIUS
from coursework.networks.latents import draw_latents
from coursework.studies.rings.training import STEPS_PER_EPOCH, PointTrainer, is_trained, reach, train_points
from coursework.training.run import Report, Run
from coursework.training.state import states
from coursework.util.arrays import read_npz
from coursework.util.errors import UserError
from coursework.util.files import replacing, write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The part of the plane that is shown holds 99.5 % of two normal latents.
EXTENT, RESOLUTION = 3.0, 120
POINTS = 1000
MILLISECONDS = 250


def latents_shown() -> np.ndarray:
    """Return the latents looked at: a grid over the plane, row by row from its top, and then normal ones."""
    places = np.linspace(-EXTENT, EXTENT, RESOLUTION, dtype=np.float32)
    plane = np.stack(np.meshgrid(places, places[::-1]), axis=-1).reshape(-1, 2)
    return np.concatenate([plane, draw_latents("normal", POINTS, (2,), 0)])


def frames(config: Config, run: Run, report: Report = print) -> np.ndarray:
    """Return what the generator makes of `latents_shown` before training and after every epoch, (frames, n, 2).

    config: of a model with two latents, trained in `run`; the frames are kept there. It is resumed where it stopped.
    """
    size = getattr(config.network, "latent_size", None)
    if size != 2:
        raise UserError(f"a latent plane has two latents, not {size}")
    file, mixture, latents = run.path / "frames.npz", MIXTURES[config.dataset](), latents_shown()
    found = _kept(file, len(latents))
    if is_trained(config, run) and len(found) == len(run.read_log()["epoch"]) + 1:
        return np.stack(found)
    if run.is_finished() or any(position.epoch >= len(found) for position, _ in states(run.backup)):
        # A state holds no frames: those from before it are lost.
        run.discard_state()
        run.network("generator").unlink(missing_ok=True)
    trainer = PointTrainer(config)

    def look(done: int) -> None:
        points = reach(mixture) * ops.convert_to_numpy(trainer.model.shown_generator(latents, training=False))
        found[done:] = [points.astype(np.float32)]
        content = io.BytesIO()
        np.savez(content, frames=np.stack(found))
        write_bytes(file, content.getvalue())

    train_points(trainer, config, run, look=look, report=report)
    report(f"{config.preset}: {config.epochs * STEPS_PER_EPOCH:,} steps, {len(found)} looks at the latent plane")
    return np.stack(found)


def _kept(file: Path, count: int) -> list[np.ndarray]:
    """Return the frames in `file`, none where it is missing or damaged."""
    try:
        frames = read_npz(file)["frames"]
    except (UserError, KeyError):
        return []
    return list(frames) if frames.dtype == np.float32 and frames.shape[1:] == (count, 2) else []


def shares(points: np.ndarray, mixture: Mixture) -> dict[str, float]:
    """Return {"smallest", "largest": share of latents of a mode, "between": share that is near none}.

    points: of equally likely latents, (n, 2); near is within three standard deviations.
    """
    nearest, near = _nearest(points, mixture)
    counts = np.bincount(nearest[near], minlength=len(mixture.modes)) / len(points)
    return {"smallest": counts.min(), "largest": counts.max(), "between": 1.0 - near.mean()}


def colors(points: np.ndarray, mixture: Mixture) -> np.ndarray:
    """Return the colour (n, 3) in [0, 1] of each point: its mode's where it is near it, else a lighter one."""
    import matplotlib

    nearest, near = _nearest(points, mixture)
    palette = matplotlib.colormaps["hsv"](np.arange(len(mixture.modes)) / len(mixture.modes))[:, :3] * 0.85
    return np.where(near[:, None], palette[nearest], 0.65 + 0.35 * palette[nearest])


def _nearest(points: np.ndarray, mixture: Mixture) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of each point's nearest mode (n,), and whether it is within three standard deviations (n,)."""
    distances = np.linalg.norm(points[:, None] - mixture.modes, axis=2)
    return distances.argmin(axis=1), distances.min(axis=1) <= RADIUS * mixture.std


def draw_latent_planes(histories: dict[str, np.ndarray], mixture: Mixture, path: Path, moments: Sequence[int]) -> None:
    """Draw a row for each setting of {name: frames}, a column for each of `moments` (epochs): the latent plane."""
    with new_figure(path, 1.45 * len(histories) + 0.2) as figure:
        axes = figure.subplots(len(histories), len(moments), squeeze=False)
        for row, (name, history) in zip(axes, histories.items(), strict=True):
            for axis, moment in zip(row, moments, strict=True):
                _draw_plane(axis, history[moment], mixture)
            row[0].set_ylabel(name.removeprefix("rings-"))
        for axis, moment in zip(axes[0], moments, strict=True):
            axis.set_title(f"{moment * STEPS_PER_EPOCH:,} steps", fontsize=8)


def animate(history: np.ndarray, mixture: Mixture, path: Path, title: str) -> None:
    """Write a GIF: the latent plane on the left, on the right where normal latents land, a frame for each epoch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    pictures = []
    for epoch, points in enumerate(history):
        with drawing_style():
            figure = Figure(figsize=(4.6, 2.5), dpi=110, layout="constrained")
            canvas = FigureCanvasAgg(figure)
            left, right = figure.subplots(1, 2)
            _draw_plane(left, points, mixture)
            left.set_title("latents", fontsize=8)
            landed, limit = points[-POINTS:], 1.35 * reach(mixture)
            right.scatter(*landed.T, s=2, c=colors(landed, mixture), linewidths=0)
            right.scatter(*mixture.modes.T, s=20, marker="+", color="black", linewidths=0.5)
            right.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
            right.set_title("points", fontsize=8)
            figure.suptitle(f"{title}, {epoch * STEPS_PER_EPOCH:,} steps", fontsize=9)
            canvas.draw()
            pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    with replacing(path) as temporary:
        pictures[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            # The last frame stays for a while before it all begins again.
            duration=[MILLISECONDS] * (len(pictures) - 1) + [8 * MILLISECONDS],
            loop=0,
        )


def _draw_plane(axis: "Axes", points: np.ndarray, mixture: Mixture) -> None:
    plane = colors(points[: RESOLUTION**2], mixture).reshape(RESOLUTION, RESOLUTION, 3)
    axis.imshow(plane, extent=(-EXTENT, EXTENT, -EXTENT, EXTENT), interpolation="nearest")
    axis.set(xticks=[-2, 0, 2], yticks=[-2, 0, 2])
    axis.tick_params(labelsize=6.5, length=2)
