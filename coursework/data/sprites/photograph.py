"""From painted light to the bytes of a photograph: exposure, colour cast, slight blur, noise, rounding."""

import numpy as np

from coursework.data.sprites.canvas import per_image


def photograph(canvas, draws):
    """Return the canvas as uint8 (n, 32, 32, 3)."""
    image = canvas.image
    exposure = draws.uniform("exposure", 0.85, 1.08)[:, None] + draws.uniform("cast", -0.04, 0.04, (3,))
    contrast = draws.uniform("contrast", 0.9, 1.12)[:, None, None, None]
    image = (image * exposure[:, :, None, None] - 0.5) * contrast + 0.5
    blur = per_image(draws.uniform("blur", 0.0, 0.13))[:, None]
    for axis in (2, 3):
        padded = np.pad(image, [(1, 1) if axis == k else (0, 0) for k in range(4)], mode="edge")
        before, after = (padded[:, :, :-2], padded[:, :, 2:]) if axis == 2 else (padded[..., :-2], padded[..., 2:])
        image = image + blur * (before + after - 2 * image)
    strength = per_image(draws.uniform("noise strength", 0.004, 0.02))[:, None]
    image = image + strength * (
        draws.uniform("noise", -1, 1, image.shape[1:]) + draws.uniform("grain", -1, 1, (1, 32, 32))
    )
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
