"""One way to extract Inception features, in its own process.

`python -m benchmarks.inception_worker SIDE THREADS FOLDER` reads one command per line and answers with a line of JSON:

    features NAME      features of the images (n, h, w, 3) in FOLDER/NAME.npy into FOLDER/NAME-SIDE.npy -> seconds
    rate BATCH MS      images a second, over as many batches of 32x32 images as fill MS milliseconds

SIDE is one of `SIDES`. All have the synthetic weights of `benchmarks.synthetic_inception`.
"""

import importlib.machinery
import json
import os
import sys
import time
import types
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

SIDES = ("float32", "mixed_bfloat16", "torch-fidelity", "torch-fidelity-channels-last", "torch-fidelity-compiled")


class CourseworkSide:
    """The package itself, in the precision `side`."""

    def __init__(self, side: str, threads: int) -> None:
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
        from coursework.util.quiet import silence

        silence()
        from benchmarks.synthetic_inception import synthetic_tensors
        from coursework.extractors import inception

        self.model = inception.build(side)
        self.inception = inception
        inception.load_tensors(self.model, synthetic_tensors())

    def extract(self, images: np.ndarray, batch_size: int) -> np.ndarray:
        return self.inception.extract(self.model, images, batch_size)["features"]


class TorchFidelitySide:
    """torch-fidelity's extractor: eager, its default, or with channels last, or compiled."""

    def __init__(self, side: str, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        extractor_class = import_extractor()
        # Instead of the weights that the class would download.
        with mock.patch.object(torch.nn.Module, "load_state_dict"):
            target = "torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url"
            with mock.patch(target, return_value={}):
                self.model = extractor_class("benchmark", ["2048", "logits_unbiased"])
        fill(self.model)
        if side != "torch-fidelity":
            self.model = self.model.to(memory_format=torch.channels_last)
        if side == "torch-fidelity-compiled":
            self.model = torch.compile(self.model)
        self.torch = torch

    def extract(self, images: np.ndarray, batch_size: int) -> np.ndarray:
        images = self.torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        with self.torch.no_grad():
            return np.concatenate([self.model(batch)[0].numpy() for batch in images.split(batch_size)])


def import_extractor() -> type:
    """Return torch-fidelity's class, with stand-ins for torchvision, which only its other extractors need."""
    try:
        import torchvision  # noqa: F401
    except ImportError:
        for name in (
            "torchvision",
            "torchvision.datasets",
            "torchvision.transforms",
            "torchvision.transforms.functional",
        ):
            module = _StandIn(name)
            module.__path__ = []
            module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
            sys.modules[name] = module
            parent, _, own = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], own, module)
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    return FeatureExtractorInceptionV3


class _StandIn(types.ModuleType):
    """A module in which every name is an empty class."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def fill(model: Any) -> None:
    """Copy the synthetic weights into torch-fidelity's network, whose convolutions are in the graph's order."""
    import torch

    from benchmarks.synthetic_inception import synthetic_tensors
    from coursework.extractors.inception.architecture import BIASES, WEIGHTS, convolutions

    tensors = {name: torch.from_numpy(array) for name, array in synthetic_tensors().items()}
    modules = [module for module in model.modules() if hasattr(module, "conv") and hasattr(module, "bn")]
    with torch.no_grad():
        for module, convolution in zip(modules, convolutions(), strict=True):
            module.conv.weight.copy_(tensors[convolution.kernel].permute(3, 2, 0, 1))
            places = (module.bn.weight, module.bn.bias, module.bn.running_mean, module.bn.running_var)
            for place, name in zip(places, convolution.normalization, strict=True):
                place.copy_(tensors[name])
        model.fc.weight.copy_(tensors[WEIGHTS].T)
        model.fc.bias.copy_(tensors[BIASES])


class Worker:
    """The commands."""

    def __init__(self, side: Any, folder: Path) -> None:
        self.side = side
        self.folder = folder
        self.images = np.random.default_rng(0).integers(0, 256, (1024, 32, 32, 3), dtype=np.uint8)
        self.warm = set()

    def features(self, name: str) -> float:
        begun = time.perf_counter()
        features = self.side.extract(np.load(self.folder / f"{name}.npy"), 16)
        np.save(self.folder / f"{name}-{sys.argv[1]}.npy", features)
        return time.perf_counter() - begun

    def rate(self, batch_size: str, milliseconds: str) -> float:
        batch_size, images = int(batch_size), self.images[: int(batch_size)]
        if batch_size not in self.warm:
            self.side.extract(images, batch_size)
            self.warm.add(batch_size)
        begun = time.perf_counter()
        self.side.extract(images, batch_size)
        count = max(1, round(float(milliseconds) / 1e3 / (time.perf_counter() - begun)))
        images = np.resize(self.images, (count * batch_size, *self.images.shape[1:]))
        begun = time.perf_counter()
        self.side.extract(images, batch_size)
        return len(images) / (time.perf_counter() - begun)


def main() -> None:
    name, threads, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    side_class = TorchFidelitySide if name.startswith("torch-fidelity") else CourseworkSide
    worker = Worker(side_class(name, threads), folder)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        print(json.dumps(getattr(worker, command)(*arguments)), flush=True)


if __name__ == "__main__":
    main()
