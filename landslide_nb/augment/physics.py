"""Augmentation as the radar's two passes and its decibels allow, on bands in dB before channels are derived."""

import math
from collections.abc import Callable
from typing import Final

from torch import Generator, Tensor

from landslide_nb.augment.chance import uniform
from landslide_nb.augment.sample_table import blend
from landslide_nb.common.errors import StudyError
from landslide_nb.data.bands import BandSet

PHYSICAL_TURN: Final = math.radians(5)  # less than an orbit's heading turns between the equator and 60° north
DECIBEL: Final = math.log(10) / 10  # the natural logarithm of a power ratio of 1 dB
View = Callable[[Tensor], Tensor]  # of pixels `(N, C, H, W)`, not scaled, north up


def mirror(pixels: Tensor, bands: BandSet, generator: Generator) -> Tensor:
    """Flip half of a batch east–west and half of it north–south as the radar's two passes allow.

    Mirrored east–west, what a descending pass saw is what an ascending one would have seen, and the other way round: the two
    exchange their bands. That is exact, for their headings mirror each other. Mirrored north–south, each keeps its own; this
    is approximate, for headings lie some 12° off the meridian near the equator and more towards the poles, and looks turn by
    twice that. The sun's side is not kept: shadows of optical bands are mirrored with the ground.

    Args:
        pixels: `(N, C, H, W)`, north up, not scaled, for the passes' scales differ.
        bands: of these pixels.
        generator: on the device of `pixels`.

    Raises:
        StudyError: where there are no two passes to exchange.
    """
    east_west, north_south = uniform(2 * len(pixels), 0, 1, generator).view(2, -1) < 0.5
    mirrored = pixels.clone()
    mirrored[east_west] = mirror_east_west(pixels[east_west], bands)
    mirrored[north_south] = mirrored[north_south].flip(2)
    return mirrored


def mirror_east_west(pixels: Tensor, bands: BandSet) -> Tensor:
    """Flip `(N, C, H, W)` left and right, with the radar's passes exchanged."""
    check_passes(bands)
    return pixels[:, list(bands.other_pass or ())].flip(3)


def check_passes(bands: BandSet) -> None:
    """Raise `StudyError` unless there are two radar passes of the same bands."""
    if bands.other_pass is None:
        raise StudyError(
            f"`physical` exchanges the radar's two passes, and the bands {', '.join(bands.names)} are not of both; leave it out"
        )


def blend_power(first: Tensor, second: Tensor, weight: Tensor, bands: BandSet) -> Tensor:
    """Blend pixels `(N, C, H, W)` as a radar would see the mixture: backscatter in linear power, optical bands as they are.

    A mean of decibels is a geometric mean of powers. A change Δ is taken as the backscatter in its own band minus that
    before, both in dB: both are blended in power, and their new difference is the new Δ. One whose own band is not there is
    blended in dB.
    """
    mixed = blend(first, second, weight)
    after = list(bands.backscatter)
    mixed[:, after] = _power_mean(first[:, after], second[:, after], weight)
    own = {place: bands.unchanged(place) for place in bands.change}
    change = [place for place, of in own.items() if of is not None]
    now = [of for of in own.values() if of is not None]
    before = _power_mean(first[:, now] - first[:, change], second[:, now] - second[:, change], weight)
    mixed[:, change] = mixed[:, now] - before
    return mixed


def _power_mean(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """10·log10(λ·10^(a/10) + (1 − λ)·10^(b/10)); less than −370 dB, which float32 holds no power for, counts as −370 dB."""
    power = blend((DECIBEL * first).exp(), (DECIBEL * second).exp(), weight)
    return power.clamp(min=1e-37).log() / DECIBEL


def views(bands: BandSet) -> dict[str, View]:
    """The ways to see a place in which its bands keep their meaning, by name; the first is as it is.

    What another orbit could have seen: mirrored north–south, and east–west with the radar's passes exchanged. Without radar any
    flip will do; radar of one pass, or of unlike ones, cannot be mirrored east–west.
    """
    flips: dict[str, View] = {"as it is": lambda pixels: pixels, "north–south": lambda pixels: pixels.flip(2)}
    if bands.radar and bands.other_pass is None:
        return flips

    def east_west(pixels: Tensor) -> Tensor:
        return mirror_east_west(pixels, bands) if bands.radar else pixels.flip(3)

    return flips | {"east–west": east_west, "both": lambda pixels: east_west(pixels).flip(2)}


def flipped(pixels: Tensor, bands: BandSet) -> list[Tensor]:
    """Pixels `(N, C, H, W)` in all `views` of them."""
    return [view(pixels) for view in views(bands).values()]
