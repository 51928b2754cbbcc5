"""Candidate images with what it takes to make each again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coursework.util.arrays import read_npz
from coursework.util.errors import UserError
from coursework.util.files import replacing


@dataclass(frozen=True)
class Candidates:
    """Images and where each comes from.

    images: uint8 (n, h, w, c). latents: n dicts {name: float32 array}, all that the run's network decodes to the image
    (`coursework.pegasus.decoding`); candidates of different strategies hold different ones. origins: n dicts ready for
    JSON, how the latents came about. seconds: that their making took, None where nobody measured.
    """

    images: np.ndarray
    latents: list[dict]
    origins: list[dict]
    seconds: float | None = None

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: np.ndarray) -> "Candidates":
        """Return the candidates at `indices`, in that order."""
        return Candidates(
            self.images[indices], [self.latents[index] for index in indices], [self.origins[index] for index in indices]
        )

    @classmethod
    def join(cls, parts: Sequence["Candidates"]) -> "Candidates":
        """Return all candidates of `parts`, of one image shape, in their order."""
        return cls(
            np.concatenate([part.images for part in parts]),
            [latents for part in parts for latents in part.latents],
            [origin for part in parts for origin in part.origins],
        )


def alike(latents: list[dict]) -> list[list[int]]:
    """Return lists of indices into `latents` (n dicts of arrays): those of one list have the same names and shapes."""
    groups: dict[tuple, list[int]] = {}
    for index, arrays in enumerate(latents):
        signature = tuple((name, arrays[name].shape) for name in sorted(arrays))
        groups.setdefault(signature, []).append(index)
    return list(groups.values())


def write_latents(file: str | Path, latents: list[dict]) -> None:
    """Write n dicts of float32 arrays to an .npz file, all or nothing."""
    content: dict[str, Any] = {}
    for number, indices in enumerate(alike(latents)):
        content[f"{number}/indices"] = np.array(indices, np.int64)
        for name in latents[indices[0]]:
            content[f"{number}/latents/{name}"] = np.stack([latents[index][name] for index in indices])
    with replacing(file) as temporary:
        np.savez(temporary, **content)


def read_latents(file: str | Path) -> list[dict]:
    """Return what `write_latents` wrote; raises `UserError` for a missing or damaged file."""
    try:
        content = read_npz(file)
        found: list[dict] = [
            {} for _ in range(sum(len(array) for key, array in content.items() if key.endswith("/indices")))
        ]
        for key, array in content.items():
            number, _, name = key.partition("/latents/")
            if name:
                for index, part in zip(content[f"{number}/indices"], array, strict=True):
                    found[index][name] = part
        if not all(found):
            raise ValueError("a candidate's are missing")
        return found
    except (UserError, ValueError, KeyError, IndexError, TypeError) as error:
        raise UserError(f"cannot read the latents in {file}: make the pegasi again ({error})") from error
