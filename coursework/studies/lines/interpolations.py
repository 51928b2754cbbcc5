"""The interpolations that the lines task scores."""

import numpy as np

from coursework.data.lines import angles_of, draw_lines
from coursework.networks.latents import interpolate

PAIRS = 256
STEPS = 16


def interpolate_lines(encode, decode, pairs=PAIRS, steps=STEPS, seed=0):
    """Return the paper's interpolations, float32 (pairs, steps, 32, 32, 1): straight between codes of test lines.

    encode: images float32 (n, 32, 32, 1) in [-1, 1] -> codes (n, ...); decode: codes -> images, not rounded, since the
    scores see a rounding. seed: of the test lines; the same for every model.
    """
    codes = np.asarray(encode(draw_lines(angles_of("test", 2 * pairs, seed))))
    paths = [interpolate(first, last, steps) for first, last in zip(codes[:pairs], codes[pairs:], strict=True)]
    decoded = np.asarray(decode(np.concatenate(paths)), dtype=np.float32)
    return decoded.reshape(pairs, steps, *decoded.shape[1:])
