"""Patches that have given statistics: the values of each band, and where they lie.

The two are made apart. A band's 4,096 values follow from its mean, standard deviation, extremes, skewness and kurtosis
(`maxent`). Where they lie follows from fields: the pixel whose field is k-th smallest gets the k-th smallest value. So the
statistics hold whatever the arrangement is. The fields of a patch come from one terrain (`relief`), what grows on it (`landcover`),
bare ground (`scars`), and how light and radar show them (`optical`, `radar`). What a row's statistics say of the ground is heeded
(`cues`); whether the patch looks like its label is drawn (`appearance`). Real patches were looked at; it remains a guess.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from landslide_nb.common.cores import cores
from landslide_nb.common.errors import DataError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Masks, Patches
from landslide_nb.simulation.appearance import DEFAULT, Appearance, labels, looks_like_a_landslide, packaged
from landslide_nb.simulation.cues import cues
from landslide_nb.simulation.fields import SIZE, Field, place
from landslide_nb.simulation.landcover import mosaic
from landslide_nb.simulation.maxent import quantiles
from landslide_nb.simulation.optical import arranged, scene
from landslide_nb.simulation.radar import Pass, passes
from landslide_nb.simulation.relief import terrain
from landslide_nb.simulation.scars import bare_ground
from landslide_nb.tabular.statistics import COLUMNS, MOMENTS, SIGNALS

OPTICAL, BACKSCATTER = CHALLENGE.bands.optical, CHALLENGE.bands.backscatter
BATCH: Final = 32


class Rendered(NamedTuple):
    """One patch, or a batch of them.

    Attributes:
        pixels: float32 `(…, C, H, W)`.
        mask: uint8 `(…, H, W)`, 1 where the landslide is, seen or not.
    """

    pixels: NDArray[np.float32]
    mask: Masks


def render(statistics: pd.DataFrame, seed: int, appearance: Appearance = DEFAULT, masks: bool = False) -> Patches:
    """Patches in the challenge's format that have the statistics of each row, and its label if there is one.

    Args:
        statistics: columns as `statistics.describe` gives them.
        seed: of the arrangement; the same seed gives the same bytes, on any machine and number of threads.
        appearance: how hard they are.
        masks: whether the patches carry masks of where their landslides lie, seen or not.

    Raises:
        DataError: if a column is missing.
    """
    pixels = np.empty((len(statistics), *CHALLENGE.shape), np.float32)
    where = np.empty((len(statistics), SIZE, SIZE), np.uint8)
    for i, patch in enumerate(rendered(statistics, seed, appearance)):
        pixels[i], where[i] = patch
    known = labels(statistics) if "label" in statistics else None
    return Patches(tuple(statistics["ID"].astype(str)), pixels, known, masks=where if masks else None)


def stream(statistics: pd.DataFrame, seed: int) -> Iterator[NDArray[np.float32]]:
    """The pixels that `render` makes, patch by patch `(C, H, W)` and in order."""
    return (patch.pixels for patch in rendered(statistics, seed))


def rendered(statistics: pd.DataFrame, seed: int, appearance: Appearance = DEFAULT) -> Iterator[Rendered]:
    """What `render` makes, patch by patch and in order; a few batches are in memory at a time."""
    missing = [column for column in COLUMNS if column not in statistics]
    if missing:
        raise DataError(f"the statistics lack the column {missing[0]!r} ({len(missing)} of {len(COLUMNS)} are missing)")
    threads = cores()
    ahead: deque[Future[Rendered]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(statistics), BATCH):
            rng = np.random.default_rng([seed, start])  # a batch's own, so that threads do not matter
            ahead.append(pool.submit(_render, statistics.iloc[start : start + BATCH], appearance, rng))
            if len(ahead) > 2 * threads:
                yield from _each(ahead.popleft().result())
        while ahead:
            yield from _each(ahead.popleft().result())


def _each(batch: Rendered) -> Iterator[Rendered]:
    return (Rendered(*patch) for patch in zip(*batch, strict=True))


def _render(rows: pd.DataFrame, appearance: Appearance, rng: Generator) -> Rendered:
    """One batch: the values of each band and index, placed in the order of fields."""
    moments = rows[[f"{signal}_{moment}" for signal in SIGNALS for moment in MOMENTS]].to_numpy(np.float64)
    solved = quantiles(moments.reshape(-1, len(MOMENTS)), SIZE**2).astype(np.float64)
    values = solved.reshape(len(rows), len(SIGNALS), -1)
    evidence, told = packaged().of(rows), cues(rows)
    looks = looks_like_a_landslide(rows, evidence, appearance, rng)
    relief = terrain(told, looks, appearance.steeper, rng)
    cover = mosaic(len(rows), rng)
    ground = bare_ground(relief, cover, looks, labels(rows), evidence, appearance, rng)
    optical = arranged(values, scene(relief, cover, ground, told, rng), rng)
    seen = passes(rows, relief, cover, ground, told, appearance, rng)
    fields = [band for view in seen for band in view.bands]
    radar = [place(values[:, len(OPTICAL) + i], field) for i, field in enumerate(fields)]
    pixels = _resampled(np.stack([*np.round(optical), *radar], 1), seen)
    return Rendered(pixels.astype(np.float32), ground.masks)


def _resampled(pixels: Field, seen: tuple[Pass, ...]) -> Field:
    """Backscatter whose repeats are equal to their neighbours; mean, spread and extremes stay as they were."""
    radar = pixels[:, BACKSCATTER]
    flat = radar.reshape(len(radar), radar.shape[1], -1)
    mean, std = flat.mean(2, keepdims=True), flat.std(2, keepdims=True)
    places = np.stack([flat.argmin(2), flat.argmax(2)], 2)
    extremes = np.take_along_axis(flat, places, 2)
    repeats = np.stack([view.repeats for view in seen], 1).repeat(len(BACKSCATTER) // len(seen), 1)
    radar[..., 1:] = np.where(repeats[..., 1:], radar[..., :-1], radar[..., 1:])
    flat = radar.reshape(flat.shape)
    flat = mean + (flat - flat.mean(2, keepdims=True)) * (std / np.maximum(flat.std(2, keepdims=True), 1e-9))
    flat = np.clip(flat, extremes[..., :1], extremes[..., 1:])
    np.put_along_axis(flat, places, extremes, 2)
    pixels[:, BACKSCATTER] = flat.reshape(radar.shape)
    return pixels
