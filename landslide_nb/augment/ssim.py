"""Structural similarity between all pairs of multi-band patches, and the nearest neighbours by it.

The index is that of scikit-image's `structural_similarity` with its defaults (uniform 7 × 7 windows, sample covariance,
K1 = 0.01, K2 = 0.03, no padding), averaged over bands, each band with its own data range.
"""

from typing import Final

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landslide_nb.errors import DataError

WINDOW: Final = 7
K1: Final = 0.01
K2: Final = 0.03
Floats = NDArray[np.float64]


def data_range(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Largest minus smallest value of each band over the given patches `(N, C, H, W)`; 1 for a constant band."""
    spread = pixels.max((0, 2, 3)) - pixels.min((0, 2, 3))
    return np.where(spread > 0, spread, 1).astype(np.float32)


def similarity(pixels: NDArray[np.float32], ranges: ArrayLike | None = None) -> NDArray[np.float32]:
    """The similarity of every patch to every other.

    Args:
        pixels: `(N, C, H, W)`, sides at least 7.
        ranges: the data range of each band, `(C,)`; by default that of these patches.

    Returns:
        float32 `(N, N)`, symmetric, 1 on the diagonal.

    Raises:
        DataError: if a side is smaller than the window.
    """
    if min(pixels.shape[2:]) < WINDOW:
        raise DataError(
            f"patches of {pixels.shape[2]}×{pixels.shape[3]} pixels are smaller than the {WINDOW}×{WINDOW} window"
        )
    spans = np.asarray(data_range(pixels) if ranges is None else ranges, np.float64)
    # Values are centred per band first: SSIM's covariances are small differences of large products.
    centre = pixels.mean((0, 2, 3), dtype=np.float64)[None, :, None, None]
    centred = pixels - centre
    means = _box(centred) / WINDOW**2
    variances = _box(centred**2) - WINDOW**2 * means**2
    result = np.ones((len(pixels), len(pixels)), np.float32)
    _all_pairs(centred, means, np.maximum(variances, 0), centre.ravel(), (K1 * spans) ** 2, (K2 * spans) ** 2, result)
    return result


def nearest(
    pixels: NDArray[np.float32], k: int = 5, ranges: ArrayLike | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `k` most similar other patches of each patch, best first.

    Returns:
        indices int64 `(N, k)` and their similarities float32 `(N, k)`.

    Raises:
        DataError: if there are not more than `k` patches.
    """
    if len(pixels) <= k:
        raise DataError(
            f"{len(pixels)} patches have fewer than {k} neighbours each; ask for a smaller k or give more patches"
        )
    similarities = similarity(pixels, ranges)
    np.fill_diagonal(similarities, -np.inf)
    indices = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return indices, np.take_along_axis(similarities, indices, axis=1)


def _box(x: Floats) -> Floats:
    """Sums over all 7 × 7 windows of `(N, C, H, W)`."""
    windows = np.lib.stride_tricks.sliding_window_view
    rows = windows(x, WINDOW, axis=2).sum(-1)
    sums: Floats = windows(rows, WINDOW, axis=3).sum(-1)
    return sums


@numba.njit(parallel=True, cache=True, error_model="numpy")
def _all_pairs(
    pixels: Floats,
    means: Floats,
    variances: Floats,
    centre: Floats,
    c1: Floats,
    c2: Floats,
    result: NDArray[np.float32],
) -> None:
    """Fill `result[i, j]` for i < j, and mirror it; a thread takes every pair of one patch i."""
    n, bands = pixels.shape[:2]
    for i in numba.prange(n):
        for j in range(i + 1, n):
            total = 0.0
            for band in range(bands):
                total += _pair(
                    pixels[i, band],
                    pixels[j, band],
                    means[i, band],
                    means[j, band],
                    variances[i, band],
                    variances[j, band],
                    centre[band],
                    c1[band],
                    c2[band],
                )
            result[i, j] = result[j, i] = total / bands


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _pair(
    x: Floats,
    y: Floats,
    mean_x: Floats,
    mean_y: Floats,
    var_x: Floats,
    var_y: Floats,
    centre: float,
    c1: float,
    c2: float,
) -> float:
    """SSIM of one band of two patches: window sums of the product run down the columns, then along the row."""
    height, width = x.shape
    columns = np.zeros(width)
    for row in range(WINDOW - 1):
        for col in range(width):
            columns[col] += x[row, col] * y[row, col]
    total = 0.0
    window = WINDOW * WINDOW
    sums = np.empty(width - WINDOW + 1)
    for row in range(height - WINDOW + 1):
        last = row + WINDOW - 1
        for col in range(width):
            columns[col] += x[last, col] * y[last, col]
        running = 0.0
        for col in range(WINDOW - 1):
            running += columns[col]
        for col in range(width - WINDOW + 1):
            running += columns[col + WINDOW - 1]
            sums[col] = running
            running -= columns[col]
        for col in range(width - WINDOW + 1):
            a, b = mean_x[row, col], mean_y[row, col]
            covariance = (sums[col] - window * a * b) / (window - 1)
            variance = (var_x[row, col] + var_y[row, col]) / (window - 1)
            a += centre
            b += centre
            total += (2 * a * b + c1) * (2 * covariance + c2) / ((a * a + b * b + c1) * (variance + c2))
        for col in range(width):
            columns[col] -= x[row, col] * y[row, col]
    mean: float = total / ((height - WINDOW + 1) * (width - WINDOW + 1))
    return mean
