"""Terrain of simulated patches: the common cause of what light and radar show."""

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from landslide_nb.simulation.cues import Cues, Values
from landslide_nb.simulation.fields import SIZE, Field, each, random_fields, standardised

SMOOTHNESS: Final = (
    6.0  # exponent of the terrain's power spectrum; of the folds that make valleys, of what only light shows
)
FOLDS: Final = 5.0
DETAIL: Final = (3.7, 3.1)  # on land and on water
SLOPE: Final = 0.5  # standard deviation of the slope's tangent where the steepness is 1
LEAST: Final = 0.04  # steepness of level ground


class Relief(NamedTuple):
    """Terrain of N patches; lengths in pixels, slopes as tangents.

    Attributes:
        height: `(N, H, W)`.
        across: `(N, H, W)`, its slope along the columns, to the east.
        down: `(N, H, W)`, its slope along the rows, to the south.
        detail: `(N, H, W)`, a fine relief, standardised, that radar does not resolve.
        valley: `(N, H, W)`, 0 at the bottom of a valley, larger away from it.
        steepness: `(N,)`.
    """

    height: Field
    across: Field
    down: Field
    detail: Field
    valley: Field
    steepness: Values


def terrain(cues: Cues, looks: NDArray[np.bool_], steeper: float, rng: Generator) -> Relief:
    """A relief that is as steep as the row's statistics say, and steeper where the patch looks like a landslide."""
    n = len(looks)
    fold = crossing(n, rng, FOLDS)
    shape = random_fields(n, rng, SMOOTHNESS) + 0.4 * np.abs(fold)
    scatter = np.exp(0.25 * rng.standard_normal(n))
    steepness = np.maximum(cues.steepness * scatter + steeper * looks, LEAST)
    down, across = np.gradient(shape, axis=(1, 2))
    spread = np.sqrt((across**2 + down**2).mean((1, 2)) / 2)
    # East is to the right: a slope that falls to the east faces the descending pass.
    tilt = -(cues.tilt + 0.15 * np.minimum(steepness, 1) * rng.standard_normal(n)) * 0.8
    column = np.arange(SIZE) - SIZE / 2
    scale = each(SLOPE * steepness / np.maximum(spread, 1e-9))
    height = shape * scale + each(tilt) * column
    return Relief(
        height,
        across * scale + each(tilt),
        down * scale,
        random_fields(n, rng, np.where(cues.water == 1, *DETAIL[::-1])),
        np.abs(fold),
        steepness,
    )


def crossing(n: int, rng: Generator, roughness: float) -> Field:
    """Random fields `(n, H, W)` with a trend, so that most lines along their zeros cross the patch."""
    row, column = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    angle = rng.uniform(0, 2 * np.pi, n)
    crossed: Field = random_fields(n, rng, roughness) + 4 * (each(np.cos(angle)) * column + each(np.sin(angle)) * row)
    return crossed


def shaded(relief: Relief, sun: Values) -> tuple[Field, Field]:
    """How the terrain and its detail are lit, `(N, H, W)` each, standardised.

    Args:
        relief: N patches.
        sun: `(2, N)`, where it stands: to the east and to the south.
    """
    down, across = np.gradient(relief.detail, axis=(1, 2))
    coarse = -(each(sun[0]) * relief.across + each(sun[1]) * relief.down)
    fine = -(each(sun[0]) * across + each(sun[1]) * down)
    return standardised(coarse), standardised(fine)
