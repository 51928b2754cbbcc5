"""One side of the comparison in its own process, because the thread pools of two frameworks disturb each other.

`python -m benchmarks.worker SIDE CONFIG FOLDER` reads one command per line and answers each with a line of JSON:

    losses N     N steps with shared random numbers -> [{name: loss}, ...]
    time N       N steps -> seconds of each
    flops        -> floating-point operations of a step (coursework alone)
    peak         -> GFLOP/s of a large matrix product in the configuration's precision

SIDE is "coursework" (writes FOLDER/weights.npz first), "torch" or "torch-compiled" (read it).
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from coursework.config.schema import Config

THREADS = 2
STEPS = 100_000
IMAGE_SHAPE = (32, 32, 3)


def step_images(config: Config, count: int, seed: int) -> tuple[np.ndarray, int]:
    """Return uint8 images for `count` steps."""
    size = config.images_per_step
    return np.random.default_rng(seed).integers(0, 256, (count * size, *IMAGE_SHAPE), dtype=np.uint8), size


class CourseworkSide:
    """The package itself: `fit` on `Batches`, with the guard that reads the losses after every step."""

    def __init__(self, config: Config, folder: Path) -> None:
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(THREADS)
        from coursework.util.quiet import silence

        silence()
        from benchmarks.parity import export_weights
        from coursework.models import build_model

        self.config = config
        self.model = build_model(config, IMAGE_SHAPE, STEPS)
        roles = {
            name: getattr(self.model, name, None)
            for name in ("generator", "discriminator", "encoder", "decoder", "critic")
        }
        self.networks = {name: network for name, network in roles.items() if network is not None}
        np.savez(folder / "weights.npz", **export_weights(self.networks))

    def losses(self, count: int) -> list[dict[str, float]]:
        from benchmarks.parity import SharedDraws, substituted

        images, size = step_images(self.config, count, seed=1)
        results = []
        with substituted(SharedDraws(2)):
            for step in range(count):
                self.model.reset_metrics()
                logs = self.model.train_on_batch(images[step * size : (step + 1) * size], return_dict=True)
                results.append({name: float(value) for name, value in logs.items()})
        self.model.train_function = None
        return results

    def time(self, count: int) -> list[float]:
        import keras

        from coursework.data.pipeline import Batches, feed
        from coursework.training.guards import DivergenceGuard

        ends = []

        class Clock(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                ends.append(time.perf_counter())

        # The first step starts the pipeline and, once, traces the step.
        images, size = step_images(self.config, count + 1, seed=3)
        batches, callbacks = feed(Batches(images, size, seed=0)), [DivergenceGuard(), Clock()]
        self.model.fit(batches, callbacks=callbacks, shuffle=False, verbose=0)
        return np.diff(ends).tolist()

    def flops(self) -> int:
        from benchmarks.flops import step_flops

        return step_flops(self.config, self.networks)

    def peak(self) -> float:
        import tensorflow

        kind = "bfloat16" if self.config.precision == "mixed_bfloat16" else "float32"
        matrix = tensorflow.cast(tensorflow.random.normal((PEAK_SIZE, PEAK_SIZE)), kind)
        return best_rate(lambda: tensorflow.matmul(matrix, matrix).numpy()[0, 0])


class TorchSide:
    """The hand-written PyTorch of `torch_training`."""

    def __init__(self, config: Config, folder: Path, compiled: bool) -> None:
        import torch

        from benchmarks.parity import import_weights
        from benchmarks.torch_training import TRAINERS

        torch.set_num_threads(THREADS)
        self.config = config
        self.trainer = TRAINERS[config.model.name](config, STEPS, compiled)
        with np.load(folder / "weights.npz") as arrays:
            import_weights(self.trainer.networks, dict(arrays))

    def losses(self, count: int) -> list[dict[str, float]]:
        from benchmarks.parity import SharedDraws

        images, size = step_images(self.config, count, seed=1)
        own, self.trainer.draws = self.trainer.draws, SharedDraws(2)
        results = [self.trainer.step(images[step * size : (step + 1) * size]) for step in range(count)]
        self.trainer.draws = own
        return results

    def time(self, count: int) -> list[float]:
        images, size = step_images(self.config, count + 1, seed=3)
        order = np.random.default_rng(0).permutation(len(images))
        ends = []
        for step in range(count + 1):
            self.trainer.step(images[order[step * size : (step + 1) * size]])
            ends.append(time.perf_counter())
        return np.diff(ends).tolist()

    def peak(self) -> float:
        import torch

        kind = torch.bfloat16 if self.config.precision == "mixed_bfloat16" else torch.float32
        matrix = torch.randn(PEAK_SIZE, PEAK_SIZE).to(kind)
        return best_rate(lambda: matrix @ matrix)


PEAK_SIZE = 2048


def best_rate(product: Callable[[], object], repeats: int = 3) -> float:
    """Return the best GFLOP/s of `product`, one of two square matrices of `PEAK_SIZE`."""
    product()
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - begun)
    return 2 * PEAK_SIZE**3 / min(seconds) / 1e9


def main() -> None:
    side, config_file, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    config = Config.from_json(config_file.read_text(encoding="utf-8"), str(config_file))
    if side == "coursework":
        worker = CourseworkSide(config, folder)
    else:
        worker = TorchSide(config, folder, compiled=side == "torch-compiled")
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *arguments = line.split()
        print(json.dumps(getattr(worker, name)(*map(int, arguments))), flush=True)


if __name__ == "__main__":
    main()
