"""How alike neighbouring pixels are."""

import numpy as np
from numpy.typing import NDArray

from landslide_nb.common.arrays import Pixels


def autocorrelation(pixels: Pixels) -> NDArray[np.float64]:
    """The correlation of each pixel with the one to its right, `(N, C)` for pixels `(N, C, H, W)`."""
    left, right = pixels[..., :-1].astype(np.float64), pixels[..., 1:].astype(np.float64)
    left, right = (part - part.mean((2, 3), keepdims=True) for part in (left, right))
    spread = np.sqrt((left**2).sum((2, 3)) * (right**2).sum((2, 3)))
    values: NDArray[np.float64] = (left * right).sum((2, 3)) / np.maximum(spread, 1e-12)
    return values
