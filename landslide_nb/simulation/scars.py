"""Bare ground: scars of landslides, and what looks like them.

Number, elongation and raggedness follow what masks of Landslide4Sense show (Ghorbanzadeh et al. 2022, doi
10.1109/TGRS.2022.3215209; `results/scar_shapes.csv` sets both side by side). Areas do not: they are those of single scars before these
meet, fray and are cut by the patch's border, and larger, so that a small network can find them; so more of them meet, and fewer are
counted. They grow with what the statistics say of a landslide. Scars lie where it is steep, along slopes and valleys.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from landslide_nb.simulation.appearance import Appearance
from landslide_nb.simulation.cues import Values
from landslide_nb.simulation.fields import SIZE, Field, each, random_fields
from landslide_nb.simulation.landcover import Mosaic
from landslide_nb.simulation.relief import Relief, crossing

MOST: Final = 5  # scars in a patch
NUMBER: Final = (0.36, 0.24, 0.17, 0.13, 0.10)  # shares of patches with one, two, … scars
TYPICAL: Final = 1.2  # evidence of a landslide, half have more
MOST_EVIDENCE: Final = 1.5  # above or below the typical, from which on areas change no more
AREA: Final = (100.0, 0.5)  # median in pixels, and standard deviation of its logarithm
SMALLEST: Final = (120.0, 25.0)  # pixels of the first scar and of others: a patch with none of 1 % is hardly called one
MARGIN: Final = 10  # pixels between the middle of a scar and the border
ELONGATION: Final = (2.3, 0.45)  # of the axes, likewise
RAGGED: Final = 0.3  # how far the border wanders, in half widths
MOTTLE: Final = 0.1  # how uneven bare ground is
# What bare ground of each kind does in NIR, of what it does in red, green and blue: wet stones are dark, dry grass is bright.
INFRARED: Final = {"scars": 0.0, "streams": -0.4, "roads": 0.0, "clearings": 0.6, "specks": 0.5}
INFRARED_SPREAD: Final = 0.01
# How much more it is lifted in blue than in red and green: real scars stand out most there; clearings are a guess.
BLUE: Final = {"scars": 0.15, "streams": 0.0, "roads": 0.0, "clearings": -0.1, "specks": 0.0}
EDGE: Final = 0.12  # over which share of the half width bare ground fades
CANDIDATES: Final = 10  # places of which the steepest is taken
STREAM: Final = 0.12  # half widths, in standard deviations of the field whose zeros they follow
ROAD: Final = 0.09


class Ground(NamedTuple):
    """Bare ground of N patches.

    Attributes:
        scars: `(N, H, W)`, 0 to 1: how bare a landslide left it.
        lift: `(N, H, W)`, by how many standard deviations all bare ground, scars included, stands out in red, green and blue.
        infrared: `(N, H, W)`, the same in NIR.
        blue: `(N, H, W)`, by how much more in blue than in red and green.
        masks: uint8 `(N, H, W)`, 1 where a landslide is, seen or not.
    """

    scars: Field
    lift: Field
    infrared: Field
    blue: Field
    masks: NDArray[np.uint8]


def bare_ground(
    relief: Relief,
    mosaic: Mosaic,
    looks: NDArray[np.bool_],
    labels: NDArray[np.int8],
    evidence: Values,
    appearance: Appearance,
    rng: Generator,
) -> Ground:
    """Scars where patches look like a landslide; streams, roads, clearings and specks in others, and fewer beside scars.

    Args:
        relief: N patches.
        mosaic: what grows there.
        looks: `(N,)`, whether each looks like a landslide.
        labels: `(N,)`; scars of what has none are not in the masks.
        evidence: `(N,)`, what the statistics say of a landslide: scars grow with it.
        appearance: how hard they are.
        rng: of everything random.
    """
    n = len(looks)
    rough = random_fields(n, rng, 1.8)
    larger = np.exp(appearance.larger * (evidence - TYPICAL).clip(-MOST_EVIDENCE, MOST_EVIDENCE))
    scars = _scars(relief, rough, larger, rng)
    kinds = {
        "scars": scars,
        "streams": _along(relief.valley, STREAM, rng),
        "roads": _along(np.abs(crossing(n, rng, 5.5)), ROAD, rng),
        "clearings": mosaic.cleared,
        "specks": np.clip(np.roll(rough, 11, 2) - 2.4, 0, 1),  # houses and rocks,
    }
    lift, infrared, blue = (np.zeros_like(scars) for _ in range(3))
    mottle = 1 + MOTTLE * np.roll(rough, 29, 1)
    rarer = np.where(looks, appearance.beside, 1)
    for kind, shape in kinds.items():
        share = looks if kind == "scars" else getattr(appearance, kind) * rarer
        strength = appearance.contrast * np.exp(appearance.contrast_spread * rng.standard_normal(n))
        stands_out = shape * mottle * each(strength * (rng.random(n) < share))
        lift = np.maximum(lift, stands_out)
        tint = INFRARED[kind] + INFRARED_SPREAD * rng.standard_normal(n)
        infrared = np.where(stands_out >= lift, each(tint) * lift, infrared)
        blue = np.where(stands_out >= lift, BLUE[kind] * lift, blue)
    masks = (scars > 0.5) & each(labels == 1)
    return Ground(scars * each(looks), lift, infrared, blue, masks.astype(np.uint8))


def _scars(relief: Relief, rough: Field, larger: Values, rng: Generator) -> Field:
    """Several ragged patches in each `(N, H, W)`, 0 to 1; `larger`: by which factor their areas are."""
    n = len(relief.steepness)
    number = 1 + rng.choice(MOST, n, p=NUMBER)
    area = AREA[0] * larger * np.exp(AREA[1] * rng.standard_normal((MOST, n)))
    area = np.maximum(area, np.where(np.arange(MOST) == 0, *SMALLEST)[:, None])
    elongation = 1 + (ELONGATION[0] - 1) * np.exp(ELONGATION[1] * rng.standard_normal((MOST, n)))
    taper = rng.uniform(-0.5, 0.5, (MOST, n))
    coarse = random_fields(n, rng, 4.0)
    union: Field = np.zeros_like(relief.height)
    for k in range(MOST):
        width = np.sqrt(area[k] / (np.pi * elongation[k]))
        border = RAGGED * (np.roll(rough, 13 * k, 1) + np.roll(coarse, 17 * k, 2))
        shape = _scar(relief, width, elongation[k], taper[k], border, rng)
        union = np.maximum(union, shape * each(k < number))
    return union


def _scar(relief: Relief, width: Field, elongation: Field, taper: Field, border: Field, rng: Generator) -> Field:
    """One patch of bare ground, drawn out down the slope; it bends and frays as the border field wanders."""
    row, column = np.mgrid[:SIZE, :SIZE]
    y, x, east, south = _start(relief, rng)
    down, across = row - each(y), column - each(x)
    along = down * each(south) + across * each(east)
    aside = across * each(south) - down * each(east) + each(0.6 * width) * border
    length = each(width * elongation)
    wide = each(width) * np.maximum(1 + each(taper) * along / length, 0.3)
    distance = np.sqrt((along / length) ** 2 + (aside / wide) ** 2) + border
    clipped: Field = np.clip((1 + EDGE / 2 - distance) / EDGE, 0, 1)
    return clipped


def _start(relief: Relief, rng: Generator) -> tuple[Field, ...]:
    """A place steeper than the patch as a whole, near a valley rather than not, and the unit vector down its slope.

    Where a whole patch faces one of the passes, its scars would else lie where it does so most.

    Returns:
        row, column, east, south.
    """
    n = len(relief.steepness)
    tilted = relief.across - relief.across.mean((1, 2), keepdims=True)
    places = rng.integers(MARGIN, SIZE - MARGIN, (2, n, CANDIDATES))
    at = (np.arange(n)[:, None], places[0], places[1])
    steep = np.sqrt(tilted[at] ** 2 + relief.down[at] ** 2)
    merit = steep / steep.mean(1, keepdims=True) - 0.5 * relief.valley[at] + 0.5 * rng.random((n, CANDIDATES))
    best = (np.arange(n), merit.argmax(1))
    east, south = -relief.across[at][best], -relief.down[at][best]
    size = np.maximum(np.sqrt(east**2 + south**2), 1e-9)
    return places[0][best].astype(np.float64), places[1][best].astype(np.float64), east / size, south / size


def _along(field: Field, width: float, rng: Generator) -> Field:
    """Lines `(N, H, W)` where a field is near 0, wider in some patches than in others."""
    widths = width * np.exp(0.4 * rng.standard_normal(len(field)))
    line: Field = np.clip(1.5 - field / each(widths), 0, 1)
    return line
