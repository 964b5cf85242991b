"""Structural similarity between all pairs of multi-band patches, and the nearest neighbours by it.

The index is that of scikit-image's `structural_similarity` with its defaults (uniform 7 × 7 windows, sample covariance,
K1 = 0.01, K2 = 0.03, no padding), averaged over bands, each band with its own data range. Similarities are made tile by
tile (`ssim_exact` with `ssim_lanes` and `ssim_kernels`, `ssim_sparse`, `ssim_torch`); here is what is asked of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landslide_nb.common.arrays import Indices
from landslide_nb.common.cache import kept_arrays, key_of
from landslide_nb.common.errors import DataError
from landslide_nb.common.progress import Report
from landslide_nb.common.source import code_of
from landslide_nb.similarity.exact import (
    Tile,
    bands_of,
    data_range,
    in_blocks,
    listed,
    prepare,
    prepare_lanes,
    tile_of,
    tiles,
)
from landslide_nb.similarity.kernels import FAST, Bands, Floats
from landslide_nb.similarity.sparse import sparse_tiles

__all__ = ["data_range", "nearest", "recall", "similarity"]
Neighbours = tuple[Indices, Floats]


def similarity(pixels: Floats, ranges: ArrayLike | None = None) -> Floats:
    """The similarity of every patch to every other.

    Args:
        pixels: `(N, C, H, W)`, sides at least 7.
        ranges: the data range of each band, `(C,)`; by default that of these patches.

    Returns:
        float32 `(N, N)`, symmetric, 1 on the diagonal.

    Raises:
        DataError: if a side is smaller than the window, or the ranges are not one positive number for each band.
    """
    result = np.ones((len(pixels), len(pixels)), np.float32)
    for rows, columns, values in tiles(pixels, bands_of(pixels, ranges)):
        result[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = values
        result[columns[0] : columns[-1] + 1, rows[0] : rows[-1] + 1] = values.T
    np.fill_diagonal(result, 1)
    return result


def nearest(
    pixels: Floats,
    k: int = 5,
    ranges: ArrayLike | None = None,
    *,
    method: Literal["exact", "approximate"] = "exact",
    grid: int = 7,
    candidates: int = 30,
    device: str | None = None,
    keep: bool = True,
    report: Report | None = None,
) -> Neighbours:
    """The `k` most similar other patches of each patch, best first; of equal ones the one with the lower index.

    Args:
        pixels: `(N, C, H, W)`, sides at least 7.
        k: how many.
        ranges: the data range of each band, `(C,)`; by default that of these patches.
        method: "exact" compares all windows of all pairs. "approximate" compares every `grid`-th window in each direction
            of all pairs, and all windows of the best `candidates` of each patch: it may miss a neighbour, but the
            similarities that it returns are those of "exact", up to the last digit of a float32.
        grid: pixels between the windows of the first pass of "approximate".
        candidates: patches that the first pass of "approximate" leaves to each patch; at least `k` are taken.
        device: a torch device ("cuda") that computes instead of the processor; for "exact" only.
        keep: read the result from the store if it is there, and write it there if not.
        report: called now and then with a line of text.

    Returns:
        indices int64 `(N, k)` and their similarities float32 `(N, k)`.

    Raises:
        DataError: if there are not more than `k` patches, or an argument is not as above.
    """
    _check(pixels, k, method, grid, device)
    pixels = np.ascontiguousarray(pixels, np.float32)
    bands = bands_of(pixels, ranges)

    def search() -> dict[str, NDArray[Any]]:
        if method == "exact":
            neighbours = _search(_exact_tiles(pixels, bands, device, report), len(pixels), k)
        else:
            neighbours = _coarse_to_fine(pixels, bands, k, grid, max(k, candidates), report)
        if not np.isfinite(neighbours[1]).all():  # an index that is none would go into training
            unfit = np.flatnonzero(~np.isfinite(neighbours[1]).all(1))[0]
            raise DataError(
                f"patch {unfit} cannot be compared with {k} others; look for values in it that are no measurements"
            )
        return {"indices": neighbours[0], "similarities": neighbours[1]}

    if not keep:
        return _neighbours(search())
    how = {"k": k, "method": method, "sparse": None if method == "exact" else [grid, candidates], "device": device}
    key = key_of(code=code_of(__name__), pixels=pixels, **how, **bands._asdict())
    return _neighbours(kept_arrays("neighbours", key, search, lambda arrays: _are_neighbours(arrays, len(pixels), k)))


def recall(
    pixels: Floats, indices: Indices, sample: int = 200, seed: int = 0, ranges: ArrayLike | None = None
) -> float:
    """The share of the true nearest neighbours that `indices` has, measured on some patches.

    Args:
        pixels: all patches, `(N, C, H, W)`.
        indices: what `nearest` found, `(N, k)`.
        sample: how many patches to find the true neighbours of, among all; at most N.
        seed: of the choice of patches.
        ranges: as given to `nearest`.

    Returns:
        Between 0 and 1.
    """
    n, k = indices.shape
    bands = bands_of(pixels, ranges)
    chosen = np.sort(np.random.default_rng(seed).permutation(n)[:sample])
    true_indices, values = _empty(len(chosen), k)
    left = prepare(pixels, chosen, bands)
    for part in in_blocks(np.arange(n), pixels.shape):
        tile = tile_of(left, prepare_lanes(pixels, part, bands), bands, len(part), same=False)
        _offer(tile, chosen, part, true_indices, values)
    return float(np.mean([np.isin(true, row) for true, row in zip(true_indices, indices[chosen], strict=True)]))


def _check(pixels: Floats, k: int, method: str, grid: int, device: str | None) -> None:
    """Raise `DataError` if `nearest` cannot do what it is asked for."""
    if k < 1 or grid < 1:
        raise DataError(f"k is {k} and grid is {grid}; expected whole numbers from 1")
    if len(pixels) <= k:
        raise DataError(
            f"{len(pixels)} patches have fewer than {k} neighbours each; ask for a smaller k or give more patches"
        )
    if method not in ("exact", "approximate"):
        raise DataError(f"the method {method!r} is unknown; expected 'exact' or 'approximate'")
    if device and method != "exact":
        raise DataError(f"the method {method!r} runs on the processor only; with the device {device!r} ask for 'exact'")


def _neighbours(arrays: Mapping[str, NDArray[Any]]) -> Neighbours:
    return arrays["indices"], arrays["similarities"]


def _are_neighbours(arrays: Mapping[str, NDArray[Any]], n: int, k: int) -> bool:
    """Whether arrays from a file are neighbours of `n` patches."""
    kinds = {name: (array.dtype.name, array.shape) for name, array in arrays.items()}
    return kinds == {"indices": ("int64", (n, k)), "similarities": ("float32", (n, k))}


def _empty(n: int, k: int) -> Neighbours:
    """A list of no neighbours, to be filled by `_offer`."""
    return np.full((n, k), np.iinfo(np.int64).max), np.full((n, k), -np.inf, np.float32)


def _exact_tiles(pixels: Floats, bands: Bands, device: str | None, report: Report | None) -> Iterator[Tile]:
    """The similarities of all pairs on the processor, or on a torch device."""
    if device is None:
        return tiles(pixels, bands, report)
    from landslide_nb.similarity.gpu import torch_tiles  # noqa: PLC0415 (torch takes seconds to load)

    return torch_tiles(pixels, bands, device, report)


def _search(tiles: Iterator[Tile], n: int, k: int) -> Neighbours:
    """The `k` best of each of `n` patches, from tiles of the upper triangle."""
    indices, best = _empty(n, k)
    for rows, columns, values in tiles:
        for own, others, offered in ((rows, columns, values), (columns, rows, values.T))[: 1 + (rows is not columns)]:
            part = slice(own[0], own[-1] + 1)
            _offer(np.ascontiguousarray(offered), own, others, indices[part], best[part])
    return indices, best


def _coarse_to_fine(
    pixels: Floats, bands: Bands, k: int, grid: int, candidates: int, report: Report | None
) -> Neighbours:
    """The `k` best by all windows among the `candidates` best by some windows."""
    n = len(pixels)
    chosen, _ = _search(sparse_tiles(pixels, bands, grid, report), n, min(candidates, n - 1))
    own = np.repeat(np.arange(n), chosen.shape[1])
    codes = np.minimum(own, chosen.ravel()) * n + np.maximum(own, chosen.ravel())
    pairs, place = np.unique(codes, return_inverse=True)
    values = listed(pixels, bands, pairs // n, pairs % n, report)[place].reshape(chosen.shape)
    order = np.lexsort((chosen, -values), axis=1)[:, :k]
    return np.take_along_axis(chosen, order, 1), np.take_along_axis(values, order, 1)


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _offer(values: Floats, own: Indices, others: Indices, indices: Indices, best: Floats) -> None:
    """Put patches into the sorted lists of the best: `values[i, j]` is the similarity of `own[i]` and `others[j]`."""
    k = indices.shape[1]
    for i in range(len(own)):
        for j in range(len(others)):
            value, other = values[i, j], others[j]
            if other == own[i] or value < best[i, k - 1]:
                continue
            if value == best[i, k - 1] and other > indices[i, k - 1]:
                continue
            place = k - 1
            while place > 0 and (
                value > best[i, place - 1] or (value == best[i, place - 1] and other < indices[i, place - 1])
            ):
                best[i, place], indices[i, place] = best[i, place - 1], indices[i, place - 1]
                place -= 1
            best[i, place], indices[i, place] = value, other
