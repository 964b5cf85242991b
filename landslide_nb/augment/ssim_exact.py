"""SSIM over all windows, exactly: patches in blocks and tiles, on the processor; `ssim_kernels` does the sums."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numba
import numpy as np
from numpy.typing import ArrayLike

from landslide_nb.augment.ssim_kernels import (
    K1,
    K2,
    LANES,
    SQUARE,
    STEP,
    WINDOW,
    Bands,
    Floats,
    Planes,
    Whole,
    fill_pairs,
    fill_planes,
    fill_squares,
)
from landslide_nb.errors import DataError
from landslide_nb.progress import Say, counting

BLOCK_BYTES: Final = 360e6  # of what is prepared for a block of patches; two are held at a time

Tile = tuple[Whole, Whole, Floats]  # the patches of its rows, of its columns, and their similarities


def data_range(pixels: Floats) -> Floats:
    """Largest minus smallest value of each band over the given patches `(N, C, H, W)`; 1 for a constant band."""
    spread = pixels.max((0, 2, 3)) - pixels.min((0, 2, 3))
    return np.where(spread > 0, spread, 1).astype(np.float32)


def bands_of(pixels: Floats, ranges: ArrayLike | None) -> Bands:
    """Centre, scale and constants of each band; raises `DataError` for small patches and unfit ranges."""
    bands, height, width = pixels.shape[1:]
    if min(height, width) < WINDOW:
        raise DataError(f"patches of {height}×{width} pixels are smaller than the {WINDOW}×{WINDOW} window")
    spans = np.asarray(data_range(pixels) if ranges is None else ranges, np.float64)
    if spans.shape != (bands,) or not (spans > 0).all():
        raise DataError(f"the ranges are {spans.tolist()}; expected one positive number for each of {bands} bands")
    centre = pixels.mean((0, 2, 3), dtype=np.float64)
    reach = np.maximum(pixels.max((0, 2, 3)) - centre, centre - pixels.min((0, 2, 3)))
    scale = np.exp2(-np.ceil(np.log2(np.where(reach > 0, reach, spans))))
    centre = np.rint(centre * scale / STEP) * STEP / scale
    return Bands(centre, scale, (K1 * spans * scale) ** 2, (K2 * spans * scale) ** 2)


def in_blocks(patches: Whole, shape: tuple[int, ...], size: int | None = None) -> list[Whole]:
    """The patches in blocks that `prepare` can hold, or of the given size."""
    _, bands, height, width = shape
    size = size or max(SQUARE, int(BLOCK_BYTES / (12 * bands * height * _padded(width))))
    return [patches[start : start + size] for start in range(0, len(patches), size)]


def _padded(width: int) -> int:
    return -(-width // LANES) * LANES


def tiles(pixels: Floats, bands: Bands, progress: Say | None = None) -> Iterator[Tile]:
    """The similarities of all pairs, tile by tile of the upper triangle."""
    n = len(pixels)
    add = counting(n * (n - 1) // 2, "SSIM, pairs", progress)
    blocks = in_blocks(np.arange(n), pixels.shape)
    one = _room(len(blocks[0]), pixels.shape)
    two = one if len(blocks) == 1 else _room(len(blocks[0]), pixels.shape)
    for first, rows in enumerate(blocks):
        left = prepare(pixels, rows, bands, one)
        for columns in blocks[first:]:
            same = columns is rows
            right = left if same else prepare(pixels, columns, bands, two)
            values = tile_of(left, right, bands, pixels.shape, same)
            add(len(rows) * (len(rows) - 1) // 2 if same else values.size)
            yield rows, columns, values


def tile_of(left: Planes, right: Planes, bands: Bands, shape: tuple[int, ...], same: bool) -> Floats:
    """The similarities of two blocks of patches, `(n_left, n_right)`; where they are the same, the lower half mirrored."""
    n, m = len(left.pixels), len(right.pixels)
    squares = np.argwhere(np.ones((-(-n // SQUARE), -(-m // SQUARE)), bool)) * SQUARE
    if same:
        squares = squares[squares[:, 0] <= squares[:, 1]]
    result = np.zeros((n, m), np.float32)
    in_threads(fill_squares, len(squares), squares, left, right, bands, shape[3] - WINDOW + 1, same, result)
    return result + np.triu(result, 1).T if same else result


def listed(pixels: Floats, bands: Bands, first: Whole, second: Whole, progress: Say | None) -> Floats:
    """The similarities of the pairs `(first, second)`, first < second; block by block, as not all can be prepared."""
    result = np.empty(len(first), np.float32)
    add = counting(len(first), "SSIM, candidate pairs", progress)
    blocks = in_blocks(np.arange(len(pixels)), pixels.shape)
    size = len(blocks[0])
    one, two = _room(size, pixels.shape), _room(size, pixels.shape)
    for rows in blocks:
        left = prepare(pixels, rows, bands, one)
        start, end = np.searchsorted(first, (rows[0], rows[-1] + 1))
        block = second[start:end] // size
        for column in np.unique(block):
            here = start + np.flatnonzero(block == column)
            patches, place = np.unique(second[here], return_inverse=True)
            right = prepare(pixels, patches, bands, two)
            part, width = np.zeros(len(here), np.float32), pixels.shape[3] - WINDOW + 1
            in_threads(fill_pairs, len(here), first[here] - rows[0], place, left, right, bands, width, part)
            result[here] = part
            add(len(here))
    return result


def _room(n: int, shape: tuple[int, ...]) -> Planes:
    """Planes for `n` patches, to be filled again and again: fresh memory costs more than what is written there."""
    _, c, height, width = shape
    windows = (n, c, height - WINDOW + 1, _padded(width))
    pixels = np.zeros((n, c, height, _padded(width)), np.float32)
    return Planes(pixels, np.zeros(windows, np.float32), np.ones(windows, np.float32))


def prepare(pixels: Floats, chosen: Whole, bands: Bands, room: Planes | None = None) -> Planes:
    """The planes of the chosen patches among `(N, C, H, W)`, in the given room if there is some."""
    room = room or _room(len(chosen), pixels.shape)
    planes = Planes(*(plane[: len(chosen)] for plane in room))
    in_threads(fill_planes, len(chosen), chosen, np.ascontiguousarray(pixels, np.float32), bands, planes)
    return planes


def in_threads(kernel: Callable[..., None], count: int, *arguments: object) -> None:
    """Call `kernel(start, end, *arguments)` for parts of `range(count)`, in as many threads as numba would take.

    Threads of our own: after numba's, torch would wait for as many at each of its steps, and that is slow on a busy machine.
    """
    threads: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    size = max(1, count // (8 * threads))  # parts enough that no thread idles at the end
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda start: kernel(start, min(count, start + size), *arguments), range(0, count, size)))
