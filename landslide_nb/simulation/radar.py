"""Where the values of backscatter and its change lie: radar looks from the side, and what it sees is drawn onto the map.

A pass measures along its line of sight, so slopes that face it are squeezed into few samples (foreshortening), or even in
reverse order (layover), and others get many. Put back on the map, speckle is drawn out into streaks on the former and stays fine
on the latter. So speckle is made in the geometry of each pass and sampled where the terrain says.
"""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from landslide_nb.simulation.appearance import Appearance
from landslide_nb.simulation.cues import SPECKLE_OF_CHANGE, Cues, Values
from landslide_nb.simulation.fields import SIZE, Field, each, normals, sample, standardised
from landslide_nb.simulation.landcover import Mosaic
from landslide_nb.simulation.relief import Relief
from landslide_nb.simulation.scars import Ground

SPECKLE: Final = (48, 96)  # independent samples of speckle along the flight and across it, before they repeat
PATTERN: Final = (24, 32)  # likewise of what the ground reflects
HEADING: Final = (0.985, 0.174)  # cosine and sine of the angle between rows and the line of sight, 10°
COTANGENT: Final = 1.25  # of the incidence angle: by how many pixels one pixel of height displaces
RESOLUTION: Final = (1.78, 1.9)  # pixels between independent samples of speckle, on land and on water
SPREAD: Final = 0.1  # standard deviation of its logarithm
STRETCH: Final = (0.1, 2.0)  # samples a pixel, where the slope faces the pass most and least
TEXTURE: Final = 4.5  # pixels between samples of what the ground reflects
CROSS: Final = 0.15  # correlation of the speckle of VV and VH
GROUND: Final = 0.5  # what land cover adds to backscatter, in standard deviations of what the terrain does
DULL: Final = 0.1  # by how much scars are duller, in standard deviations of what the ground reflects
FADED: Final = 0.25  # by how much ΔVH is lower on scars, for lack of plants, in standard deviations of its speckle
REPEATS: Final = (5.5, 7.5)  # columns between two that repeat their neighbour, where rows have such


class Pass(NamedTuple):
    """Fields `(N, H, W)` of one pass; only the order of their pixels matters.

    Attributes:
        bands: VV, VH, ΔVV, ΔVH.
        repeats: bool, pixels of backscatter that repeat their left neighbour, as resampling to the nearest does.
    """

    bands: list[Field]
    repeats: NDArray[np.bool_]


def passes(
    rows: pd.DataFrame,
    relief: Relief,
    mosaic: Mosaic,
    ground: Ground,
    cues: Cues,
    appearance: Appearance,
    rng: Generator,
) -> tuple[Pass, Pass]:
    """What the descending pass, which looks to the west, and the ascending one see."""
    n = len(rows)
    shown = rng.random(n) < appearance.changed
    change = ground.scars * each(shown * appearance.change * np.exp(0.3 * rng.standard_normal(n)))
    return (
        _pass("D", -1, rows, relief, mosaic.cover, ground.scars, change, cues.speckle[:2], cues.water, rng),
        _pass("A", 1, rows, relief, mosaic.cover, ground.scars, change, cues.speckle[2:], cues.water, rng),
    )


def _pass(
    name: str,
    look: int,
    rows: pd.DataFrame,
    relief: Relief,
    cover: Field,
    scars: Field,
    change: Field,
    speckle: Values,
    water: Values,
    rng: Generator,
) -> Pass:
    """One pass; `look` is 1 where it looks to the east."""
    noise, texture, facing = _seen(look, relief, water, rng)
    steep = each(np.minimum(relief.steepness, 1))
    lit = facing / np.sqrt(0.4 + facing**2) + 0.25 * texture[:, 0]
    terrain = standardised(steep * lit + GROUND * (1.2 - steep) * cover)
    after = [noise[:, 0], CROSS * noise[:, 0] + np.sqrt(1 - CROSS**2) * noise[:, 1]]
    bands = []
    for new, share, own in zip(after, speckle, texture.swapaxes(0, 1)[1:], strict=True):
        reflected = standardised(terrain + 0.15 * own - DULL * scars)
        bands.append(np.sqrt(1 - each(share) ** 2) * reflected + each(share) * new)
    kinds = (("DVV", 0.0), ("DVH", FADED))
    for new, old, (band, faded) in zip(after, noise.swapaxes(0, 1)[2:], kinds, strict=True):
        before = np.sqrt(1 - SPECKLE_OF_CHANGE**2) * old
        bands.append(SPECKLE_OF_CHANGE * new - before + _sign(rows, f"{name}{band}") * change - faded * scars)
    return Pass(bands, _repeats(len(rows), rng))


def _seen(look: int, relief: Relief, water: Values, rng: Generator) -> tuple[Field, Field, Field]:
    """Speckle `(N, 4, H, W)` and texture `(N, 3, H, W)` at each pixel, and how far it faces the pass: 1 where all is one sample."""
    n = len(water)
    row, column = np.mgrid[:SIZE, :SIZE]
    cosine, sine = HEADING[0], look * HEADING[1]
    facing = look * COTANGENT * (cosine * relief.across + sine * relief.down)
    distance = np.cumsum(np.clip(1 - facing, *STRETCH), axis=2) + sine * row
    flight = np.broadcast_to(cosine * row - sine * column, distance.shape)
    spacing = np.where(water == 1, RESOLUTION[1], RESOLUTION[0]) * np.exp(SPREAD * rng.standard_normal(n))
    speckle = normals((n, 4, *SPECKLE), rng)
    texture = normals((n, 3, *PATTERN), rng)
    seen = [
        standardised(sample(grid, distance / space, flight / space))
        for grid, space in ((speckle, each(spacing)), (texture, TEXTURE))
    ]
    return seen[0], seen[1], facing


def _sign(rows: pd.DataFrame, band: str) -> Field:
    """Which tail of a band's values is the longer one, `(N, 1, 1)`: that is where the change lies."""
    upper = rows[f"{band}_max"] - rows[f"{band}_mean"] > rows[f"{band}_mean"] - rows[f"{band}_min"]
    return each(np.where(upper, 1, -1))


def _repeats(n: int, rng: Generator) -> NDArray[np.bool_]:
    """Every few columns one pixel repeats its neighbour, further on from row to row; a third of the rows has none."""
    row, column = np.mgrid[:SIZE, :SIZE]
    period, start, drift = rng.uniform(*REPEATS, n), rng.random((2, n)), rng.uniform(-0.35, 0.35, n)
    place = column + each(drift) * row + each(start[0] * period)
    first = np.floor(place / each(period)) != np.floor((place - 1) / each(period))
    resampled = np.mod(row * 0.045 + each(start[1]), 1) > 1 / 3
    repeats: NDArray[np.bool_] = first & resampled & (column > 0)
    return repeats
