"""Random fields, and values placed in their order.

A seed has to give the same bytes on any machine, but numpy's functions round differently on different processors. So fields
are float64, and only their order counts: a difference in the last place changes it once in some millions of patches.
"""

from typing import Final, TypeVar

import numba
import numpy as np
import scipy.fft
from numpy.random import Generator
from numpy.typing import NDArray

from landslide_nb.data.challenge import CHALLENGE

SIZE: Final = CHALLENGE.patch_size
STEP: Final = 2.0**-20  # values of a field that are nearer to each other are in the order of their pixels
# Beyond it, numpy takes the C library's logarithm in float32, which is not the same everywhere; one in 4,000 values is.
NOISE_LIMIT: Final = 3.65

Field = NDArray[np.floating]
Kind = TypeVar("Kind", bound=np.generic)


def random_fields(n: int, rng: Generator, roughness: float | Field) -> Field:
    """`n` random fields `(n, H, W)`, mean 0 and standard deviation 1, whose power falls with frequency^roughness, of each or all."""
    side = SIZE + SIZE // 2  # a periodic field is cut, so that opposite edges are not alike
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    power = fy**2 + fx**2 + (0.5 / SIZE) ** 2
    amplitude = power ** (-each(np.atleast_1d(roughness)) / 4)
    noise = normals((2, n, *power.shape), rng)
    field: Field = scipy.fft.irfft2((noise[0] + 1j * noise[1]) * amplitude, s=(side, side))[:, :SIZE, :SIZE]
    return standardised(field)


def normals(shape: tuple[int, ...], rng: Generator) -> NDArray[np.float32]:
    """Standard normal numbers that are the same everywhere: the rare extremes are clipped."""
    return rng.standard_normal(shape, dtype=np.float32).clip(-NOISE_LIMIT, NOISE_LIMIT)


def standardised(field: Field) -> Field:
    """The field with mean 0 and standard deviation 1 over the pixels of each patch; a constant one is 0."""
    centred = field - field.mean((-2, -1), keepdims=True)
    scaled: Field = centred / np.maximum(centred.std((-2, -1), keepdims=True), 1e-9)
    return scaled


def each(values: NDArray[Kind]) -> NDArray[Kind]:
    """A value for each patch `(N,)`, shaped to be combined with fields: `(N, 1, 1)`."""
    return values[:, None, None]


def place(values: Field, field: Field) -> Field:
    """Sorted values `(N, P)` at the pixels of a field `(N, H, W)`: the k-th smallest where the field's k-th smallest is."""
    pixels = values.shape[1]
    # Whole numbers, no two alike, have one order, however they are sorted; argsort's order of equal ones is the processor's.
    keys = np.rint(field.reshape(len(field), -1) / STEP).astype(np.int64) * pixels + np.arange(pixels)
    placed = np.empty_like(values)
    np.put_along_axis(placed, np.sort(keys, axis=1) % pixels, values, axis=1)
    return placed.reshape(field.shape)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def sample(grid: NDArray[np.float32], x: Field, y: Field) -> Field:
    """Bilinear interpolation of periodic grids.

    Args:
        grid: float32 `(N, K, S, T)`.
        x: columns `(N, H, W)` in the grid, any numbers.
        y: rows, likewise.

    Returns:
        `(N, K, H, W)`.
    """
    rows, columns = grid.shape[2:]
    values = np.empty((x.shape[0], grid.shape[1], x.shape[1], x.shape[2]))
    for n in range(x.shape[0]):
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                column, row = np.floor(x[n, i, j]), np.floor(y[n, i, j])
                u, v = x[n, i, j] - column, y[n, i, j] - row
                left, top = int(column) % columns, int(row) % rows
                right, bottom = (left + 1) % columns, (top + 1) % rows
                for k in range(grid.shape[1]):
                    above = (1 - u) * grid[n, k, top, left] + u * grid[n, k, top, right]
                    below = (1 - u) * grid[n, k, bottom, left] + u * grid[n, k, bottom, right]
                    values[n, k, i, j] = (1 - v) * above + v * below
    return values
