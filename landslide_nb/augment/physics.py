"""Augmentation as the radar's two passes and its decibels allow, on bands in dB before channels are derived."""

import math
from collections.abc import Callable, Mapping
from typing import Final

from torch import Generator, Tensor

from landslide_nb.augment.chance import uniform
from landslide_nb.augment.sample_table import blend
from landslide_nb.data.bands import BACKSCATTER, BANDS, CHANGE, OPTICAL

PHYSICAL_TURN: Final = math.radians(5)  # less than an orbit's heading turns between the equator and 60° north
DECIBEL: Final = math.log(10) / 10  # the natural logarithm of a power ratio of 1 dB
# Each band's counterpart in the other pass: the passes trade places, the optical bands keep theirs.
OTHER_PASS: Final = (
    *OPTICAL,
    *(i for group in ("ascending", "descending") for i, band in enumerate(BANDS) if band.group == group),
)


def mirror(bands: Tensor, generator: Generator) -> Tensor:
    """Flip half of a batch east–west and half of it north–south as the radar's two passes allow.

    Mirrored east–west, what a descending pass saw is what an ascending one would have seen, and the other way round: the two
    exchange their bands. That is exact, for their headings mirror each other. Mirrored north–south, each keeps its own; this
    is approximate, for headings lie some 12° off the meridian near the equator and more towards the poles, and looks turn by
    twice that. The sun's side is not kept: shadows of optical bands are mirrored with the ground.

    Args:
        bands: `(N, 12, H, W)`, north up, not scaled, for the passes' scales differ.
        generator: on the device of `bands`.
    """
    east_west, north_south = uniform(2 * len(bands), 0, 1, generator).view(2, -1) < 0.5
    mirrored = bands.clone()
    mirrored[east_west] = mirror_east_west(bands[east_west])
    mirrored[north_south] = mirrored[north_south].flip(2)
    return mirrored


def mirror_east_west(bands: Tensor) -> Tensor:
    """Flip bands `(N, 12, H, W)` left and right, with the radar's passes exchanged."""
    return bands[:, list(OTHER_PASS)].flip(3)


def blend_power(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """Blend bands `(N, 12, H, W)` as a radar would see the mixture: backscatter in linear power, optical bands as they are.

    A mean of decibels is a geometric mean of powers. A change Δ is taken as the backscatter in its own band minus that
    before, both in dB: both are blended in power, and their new difference is the new Δ.
    """
    mixed = blend(first, second, weight)
    after, change = list(BACKSCATTER), list(CHANGE)
    mixed[:, after] = _power_mean(first[:, after], second[:, after], weight)
    before = _power_mean(first[:, after] - first[:, change], second[:, after] - second[:, change], weight)
    mixed[:, change] = mixed[:, after] - before
    return mixed


def _power_mean(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """10·log10(λ·10^(a/10) + (1 − λ)·10^(b/10)); less than −370 dB, which float32 holds no power for, counts as −370 dB."""
    power = blend((DECIBEL * first).exp(), (DECIBEL * second).exp(), weight)
    return power.clamp(min=1e-37).log() / DECIBEL


# What another orbit could have seen of a place, north up: mirrored east–west, the radar's passes trade places.
VIEWS: Final[Mapping[str, Callable[[Tensor], Tensor]]] = {
    "as it is": lambda bands: bands,
    "north–south": lambda bands: bands.flip(2),
    "east–west": mirror_east_west,
    "both": lambda bands: mirror_east_west(bands).flip(2),
}


def flipped(bands: Tensor) -> list[Tensor]:
    """The four ways to see bands `(N, 12, H, W)` in which radar keeps its meaning."""
    return [view(bands) for view in VIEWS.values()]
