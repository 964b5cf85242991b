"""Chapter 11: how much is called a landslide, how much ground is to be looked at, and what a low rate does to alarms."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rasterio.warp import transform as transformed
from scipy.stats import spearmanr

from landslide_nb.chapters.c11.scenes import Event, Mapped
from landslide_nb.common.arrays import Labels, Scores, Values
from landslide_nb.experiments.comparisons import tested
from landslide_nb.experiments.result import Result
from landslide_nb.inference.grid import WGS84, at
from landslide_nb.metrics.bootstrap import Interval

HALF_PLACE: Final = 640.0  # metres from the centre of a place to its sides
RATES: Final = (0.1, 0.01, 0.001)
DRAWS: Final = 2000
PATCH_KM: Final = 0.64**2  # km² of a patch of 64 pixels of 10 m


def areas(event: Event) -> pd.DataFrame:
    """Square kilometres called a landslide before and after, and after only, where both scenes have data."""
    before, after = event.before.probability, event.after.probability
    both = np.isfinite(before) & np.isfinite(after)
    whole = float(event.after.area[both].sum())
    was, now = both & (before >= event.threshold), both & (after >= event.threshold)
    rows = {
        "both scenes have data": both,
        "called before": was,
        "called after": now,
        "called after only: new": now & ~was,
    }
    sizes = {name: float(event.after.area[cells].sum()) for name, cells in rows.items()}
    table = {name: {"km²": size, "share": size / whole if whole else np.nan} for name, size in sizes.items()}
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("ground")


class Ranking(NamedTuple):
    """Places in the order of the map.

    Attributes:
        looked: km² looked at after each place, `(P,)`.
        found: the share of annotated pixels found by then, `(P,)`.
        best: the same if the order were that of the annotation.
        chance: the same for random orders, `(draws, P)`.
        half: km² to half of the annotated pixels: of the map, at best, and at random with the middle 95 % of orders.
        correlation: Spearman's, of mean probability and annotated pixels, with its bootstrap interval over places.
    """

    looked: Values
    found: Values
    best: Values
    chance: NDArray[np.float64]
    half: tuple[float, float, Interval]
    correlation: Interval


def ranking(event: Event, seed: int = 0) -> Ranking | None:
    """Which places to look at first, by the mean probability of their cells after the event; None without places.

    A place is a square of 1,280 m, looked at as a whole; those with data in less than half of it are left out.
    """
    if event.places is None:
        return None
    told = [_place(event.after, row) for row in event.places.itertuples()]
    there = np.array([probability is not None for probability, _ in told])
    mean = np.array([probability for probability, _ in told if probability is not None])
    area = np.array([size for probability, size in told if probability is not None])
    pixels = event.places["annotated_pixels"].to_numpy(np.float64)[there]
    if len(pixels) < 3 or not pixels.sum():
        return None
    rng = np.random.default_rng(seed)
    orders = [np.argsort(-mean), np.argsort(-pixels), *(rng.permutation(len(pixels)) for _ in range(DRAWS))]
    curves = [(area[order].cumsum(), pixels[order].cumsum() / pixels.sum()) for order in orders]
    halves = [float(np.interp(0.5, np.append(0, found), np.append(0, looked))) for looked, found in curves]
    low, high = np.percentile(halves[2:], (2.5, 97.5))
    at_random = Interval(float(np.mean(halves[2:])), float(low), float(high))
    chance = np.stack(
        [np.interp(curves[0][0], np.append(0, looked), np.append(0, found)) for looked, found in curves[2:]]
    )
    best = np.interp(curves[0][0], *curves[1])
    return Ranking(*curves[0], best, chance, (halves[0], halves[1], at_random), _correlation(mean, pixels, rng))


def first_half(ranking: Ranking) -> pd.DataFrame:
    """The ground to look at until half of the annotated pixels are found, by the order of the places; 95 % of random orders."""
    ours, best, random = ranking.half
    rows = {
        "order of the map": Interval(ours, ours, ours),
        "best order": Interval(best, best, best),
        "random order": random,
    }
    return pd.DataFrame(
        {"km² to half": [f"{it:.1f}" if it.low < it.high else f"{it.value:.1f}" for it in rows.values()]},
        index=pd.Index(rows),
    ).rename_axis("places in")


def _place(mapped: Mapped, row: tuple[float, ...]) -> tuple[float | None, float]:
    """The mean probability of a place's cells, None where less than half have data, and its area in km²."""
    x, y = transformed(WGS84, mapped.grid.crs, [row.lon], [row.lat])  # type: ignore[attr-defined]
    column, line = at(~mapped.grid.transform, x[0], y[0])
    across, down = (HALF_PLACE / metres for metres in mapped.grid.metres)
    rows = np.arange(max(0, round(line - down)), min(mapped.grid.height, round(line + down)))
    columns = np.arange(max(0, round(column - across)), min(mapped.grid.width, round(column + across)))
    cells = mapped.probability[np.ix_(rows, columns)]
    wanted = (2 * across) * (2 * down)
    if np.isfinite(cells).sum() < wanted / 2:
        return None, 0.0
    return float(np.nanmean(cells)), float(mapped.area[np.ix_(rows, columns)][np.isfinite(cells)].sum())


def _correlation(mean: Scores, pixels: Scores, rng: np.random.Generator) -> Interval:
    drawn = (rng.integers(len(mean), size=len(mean)) for _ in range(DRAWS))
    values = [float(spearmanr(mean[i], pixels[i]).statistic) for i in drawn]
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return Interval(float(spearmanr(mean, pixels).statistic), float(low), float(high))


def alarms(results: Sequence[Result], labels: Labels) -> pd.DataFrame:
    """What alarms are worth where landslides are rare: means over networks, at a probability of 0.5.

    Returns:
        A row for each rate of patches with a landslide: the share of landslides found, the share of alarms that are one, false alarms for
        each landslide found, and false alarms on 1,000 km² of patches side by side.
    """
    log_odds, parts = tested(results)
    found = np.mean([(o[p][labels[p] == 1] >= 0).mean() for o, p in zip(log_odds, parts, strict=True)])
    false = np.mean([(o[p][labels[p] == 0] >= 0).mean() for o, p in zip(log_odds, parts, strict=True)])
    own = float(np.mean([labels[p].mean() for p in parts]))
    rows = {}
    for rate in (own, *RATES):
        right, wrong = rate * found, (1 - rate) * false
        rows[f"{rate:.1%}" + (" (test patches)" if rate == own else "")] = {
            "found": found,
            "alarms that are one": right / (right + wrong),
            "false alarms for each found": wrong / right,
            "false alarms on 1,000 km²": wrong * 1000 / PATCH_KM,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("patches with a landslide")
