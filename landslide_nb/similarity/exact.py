"""SSIM over all windows, exactly: patches in blocks and tiles, on the processor; numba's kernels do the sums."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numba
import numpy as np
from numpy.typing import ArrayLike

from landslide_nb.common.arrays import Indices
from landslide_nb.common.errors import DataError
from landslide_nb.common.progress import Report, counting
from landslide_nb.similarity.kernels import (
    K1,
    K2,
    PADDING,
    STEP,
    WINDOW,
    Bands,
    Floats,
    Planes,
    fill_pairs,
    fill_planes,
    zeros,
)
from landslide_nb.similarity.lanes import CHUNK, LANES, Lanes, fill_lanes, fill_tile

# Of what is prepared for a block of patches; two are held at a time. Small, as memory is dear when it is written first, and
# each block is prepared in that of the last one.
BLOCK_BYTES: Final = 80e6
LARGE: Final = (
    4  # times as much where a block is prepared for few pairs at a time, and preparing costs more than fresh memory
)
LARGEST: Final = 1e15  # of pixels; of far larger ones float32 cannot hold the squares
Tile = tuple[Indices, Indices, Floats]  # the patches of its rows, of its columns, and their similarities


def data_range(pixels: Floats) -> Floats:
    """Largest minus smallest value of each band over the given patches `(N, C, H, W)`; 1 for a constant band."""
    spread = pixels.max((0, 2, 3)) - pixels.min((0, 2, 3))
    return np.where(spread > 0, spread, 1).astype(np.float32)


def bands_of(pixels: Floats, ranges: ArrayLike | None) -> Bands:
    """Centre, scale and constants of each band; raises `DataError` for small patches and unfit ranges."""
    bands, height, width = pixels.shape[1:]
    _check_values(pixels)
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


def _check_values(pixels: Floats) -> None:
    """Raise `DataError` naming the first pixel that is NaN, infinite or too large to be compared."""
    if pixels.size and not (pixels.min() >= -LARGEST and pixels.max() <= LARGEST):
        patch, band, row, column = np.argwhere(~(np.abs(pixels) <= LARGEST))[0]
        value = pixels[patch, band, row, column]
        raise DataError(
            f"patch {patch}: {value!s} in band {band} at row {row}, column {column}; expected values within ±{LARGEST:g}: nodata?"
        )


def in_blocks(patches: Indices, shape: tuple[int, ...], times: int = 1, size: int | None = None) -> list[Indices]:
    """The patches in blocks that `prepare` can hold in so many times `BLOCK_BYTES`, or of the given size."""
    _, bands, height, width = shape
    size = size or max(1, int(times * BLOCK_BYTES / (12 * bands * height * _padded(width)) / LANES)) * LANES
    return [patches[start : start + size] for start in range(0, len(patches), size)]


def _padded(width: int) -> int:
    return -(-width // PADDING) * PADDING


def tiles(pixels: Floats, bands: Bands, report: Report | None = None) -> Iterator[Tile]:
    """The similarities of all pairs, tile by tile of the upper triangle."""
    n = len(pixels)
    add = counting(n * (n - 1) // 2, "SSIM, pairs", report)
    blocks = in_blocks(np.arange(n), pixels.shape)
    one, two = _room(len(blocks[0]), pixels.shape), _room_in_lanes(len(blocks[0]), pixels.shape)
    for first, rows in enumerate(blocks):
        left = prepare(pixels, rows, bands, one)
        for columns in blocks[first:]:
            same = columns is rows
            values = tile_of(left, prepare_lanes(pixels, columns, bands, two), bands, len(columns), same)
            add(len(rows) * (len(rows) - 1) // 2 if same else values.size)
            yield rows, columns, values


def tile_of(left: Planes, right: Lanes, bands: Bands, m: int, same: bool) -> Floats:
    """The similarities of two blocks of patches, `(n, m)`; where they are the same, each pair is computed once."""
    n = len(left.pixels)
    tasks = np.argwhere(np.ones((-(-n // CHUNK), -(-m // LANES)), bool)) * (CHUNK, 1)
    if same:
        tasks = tasks[tasks[:, 0] < (tasks[:, 1] + 1) * LANES]
    result = np.zeros((n, m), np.float32)
    in_threads(fill_tile, len(tasks), tasks, left, right, bands, result)
    return np.triu(result) + np.triu(result, 1).T if same else result


def listed(pixels: Floats, bands: Bands, first: Indices, second: Indices, report: Report | None) -> Floats:
    """The similarities of the pairs `(first, second)`, first < second; block by block, as not all can be prepared."""
    result = np.empty(len(first), np.float32)
    add = counting(len(first), "SSIM, candidate pairs", report)
    blocks = in_blocks(np.arange(len(pixels)), pixels.shape, LARGE)
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
    return Planes(zeros(n, c, height, _padded(width)), zeros(*windows), zeros(*windows))


def prepare(pixels: Floats, chosen: Indices, bands: Bands, room: Planes | None = None) -> Planes:
    """The planes of the chosen patches among `(N, C, H, W)`, in the given room if there is some."""
    room = room or _room(len(chosen), pixels.shape)
    planes = Planes(*(plane[: len(chosen)] for plane in room))
    in_threads(fill_planes, len(chosen), chosen, np.ascontiguousarray(pixels, np.float32), bands, planes)
    return planes


def _room_in_lanes(n: int, shape: tuple[int, ...]) -> Lanes:
    """As `_room`, a lane for each patch."""
    _, c, height, width = shape
    packs = -(-n // LANES)
    windows = (packs, c, height - WINDOW + 1, (width - WINDOW + 1) * LANES)
    return Lanes(zeros(packs, c, height, width * LANES), zeros(*windows), zeros(*windows))


def prepare_lanes(pixels: Floats, chosen: Indices, bands: Bands, room: Lanes | None = None) -> Lanes:
    """As `prepare`, a lane for each patch; what is left of the last pack means nothing."""
    room = room or _room_in_lanes(len(chosen), pixels.shape)
    lanes = Lanes(*(part[: -(-len(chosen) // LANES)] for part in room))
    in_threads(fill_lanes, len(lanes.pixels), chosen, np.ascontiguousarray(pixels, np.float32), bands, lanes)
    return lanes


def in_threads(kernel: Callable[..., None], count: int, *arguments: object) -> None:
    """Call `kernel(start, end, *arguments)` for parts of `range(count)`, in as many threads as numba would take.

    Threads of our own: after numba's, torch would wait for as many at each of its steps, and that is slow on a busy machine.
    """
    threads: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    size = max(1, count // (8 * threads))  # parts enough that no thread idles at the end
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda start: kernel(start, min(count, start + size), *arguments), range(0, count, size)))
