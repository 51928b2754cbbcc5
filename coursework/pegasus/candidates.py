"""Candidate images with what it takes to make each again."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Candidates:
    """images: uint8 (n, h, w, c); latents: float32 (n, ...); origins: n dicts ready for JSON."""

    images: np.ndarray
    latents: np.ndarray
    origins: list[dict]

    def __len__(self):
        return len(self.images)

    def take(self, indices):
        """Return the candidates at `indices`, in that order."""
        return Candidates(self.images[indices], self.latents[indices], [self.origins[index] for index in indices])

    @classmethod
    def join(cls, parts):
        """Return all candidates of `parts`; their latents may differ in shape and are kept only where they agree."""
        shapes = {part.latents.shape[1:] for part in parts}
        latents = (
            np.concatenate([part.latents for part in parts])
            if len(shapes) == 1
            else np.zeros((sum(map(len, parts)), 0), np.float32)
        )
        return cls(
            np.concatenate([part.images for part in parts]),
            latents,
            [origin for part in parts for origin in part.origins],
        )
