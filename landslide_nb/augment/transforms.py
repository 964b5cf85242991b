"""Online augmentation of a batch on its device: colour, geometry, CutMix (Algorithm 2), Mixup (Eq. 1), modality dropout.

It follows scaling, so strengths are in standard deviations of a channel. Everything random comes from one generator.
The paper names the transformations and no strength; the defaults here are ours.

Not all of it is physical. Radar looks sideways, to about west from a descending orbit and to about east from an ascending
one, and a decibel is a logarithm. What respects that works on bands in dB, before channels are derived: `mirror`, and `mixup`
with `power`; `geometry` with `physical` then leaves out what no orbit would see.
"""

import math
from typing import Final, NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample

from landslide_nb.augment.chance import uniform
from landslide_nb.augment.physics import (
    PHYSICAL_TURN,
    blend_power,
)
from landslide_nb.augment.sample_table import blend
from landslide_nb.data.bands import BandSet
from landslide_nb.data.channels import EPS

NOISE: Final = 0.2  # standard deviation of the noise at strength 1
TURN: Final = math.pi / 4  # rotation and shear at strength 1


class Mixed(NamedTuple):
    """A batch after mixing.

    Attributes:
        pixels: `(N, C, H, W)`.
        targets: `(N, 2)`, probabilities of "no landslide" and "landslide".
        partner: int64 `(N,)`, which sample of the batch each was mixed with.
        weight: `(N,)`, λ: the share of the sample itself.
    """

    pixels: Tensor
    targets: Tensor
    partner: Tensor
    weight: Tensor


def colour(pixels: Tensor, bands: BandSet, strength: float, generator: Generator) -> Tensor:
    """Random noise, brightness, contrast, and saturation of the optical bands; derived channels stay as they are.

    Args:
        pixels: scaled channels `(N, C, H, W)`, bands first.
        bands: that they come from.
        strength: 0 leaves the batch unchanged; 1 is strong.
        generator: on the device of `pixels`.
    """
    n = len(pixels)
    contrast, saturation = (uniform(n, 1 - strength, 1 + strength, generator) for _ in range(2))
    brightness = uniform(n, -strength, strength, generator)
    changed = adjust(pixels, bands, contrast, saturation, brightness)
    return add_noise(changed, bands, NOISE * strength, generator)


def adjust(pixels: Tensor, bands: BandSet, contrast: Tensor, saturation: Tensor, brightness: Tensor) -> Tensor:
    """Stretch bands about their means, optical bands about their grey, and add; 1, 1 and 0 change nothing.

    Args:
        pixels: scaled channels `(N, C, H, W)`, bands first; derived ones stay as they are.
        bands: that they come from.
        contrast: `(N,)`, what deviations of a band from its patch's mean are multiplied by.
        saturation: `(N,)`, what deviations of an optical band from the mean of all of them are multiplied by.
        brightness: `(N,)`, what is added, in standard deviations.
    """
    contrast, saturation, brightness = (value.view(-1, 1, 1, 1) for value in (contrast, saturation, brightness))
    changed = pixels.clone()  # then in place: memory is what this costs
    if bands.optical:
        places = list(bands.optical)
        optical = changed[:, places]
        changed[:, places] = optical.lerp_(optical.mean(1, keepdim=True), 1 - saturation)
    own = changed[:, : len(bands)]
    offset = own.mean((2, 3), keepdim=True) * (1 - contrast) + brightness
    own.mul_(contrast).add_(offset)
    return changed


def add_noise(pixels: Tensor, bands: BandSet, deviation: float, generator: Generator) -> Tensor:
    """Add independent Gaussian noise to every pixel of the bands, which come first."""
    changed = pixels.clone()
    own = changed[:, : len(bands)]
    own.add_(torch.randn(own.shape, generator=generator, device=own.device), alpha=deviation)
    return changed


def geometry(pixels: Tensor, strength: float, generator: Generator, physical: bool = False) -> Tensor:
    """Random flips, quarter turns, and one affine transform of shift, shear and rotation, mirrored at the border.

    Args:
        pixels: `(N, C, H, W)`.
        strength: 0 leaves flips and quarter turns only; 1 is shifts of a quarter patch, turns and shears of 45°.
        generator: on the device of `pixels`.
        physical: no flips (`mirror` makes them) and no quarter turns; other turns and shears of 5° at most.
    """
    n, limit = len(pixels), min(TURN * strength, PHYSICAL_TURN if physical else TURN)
    angle, shear = (uniform(n, -limit, limit, generator) for _ in range(2))
    shift = uniform(2 * n, -strength, strength, generator).view(n, 2) / 2  # half-widths
    flip = torch.ones_like(angle)
    if not physical:
        angle += torch.randint(4, (n,), generator=generator, device=generator.device) * (math.pi / 2)
        flip = torch.where(uniform(n, 0, 1, generator) < 0.5, -1.0, 1.0)
    return affine(pixels, affine_matrix(angle, shear, flip, shift))


def affine_matrix(angle: Tensor, shear: Tensor, flip: Tensor, shift: Tensor) -> Tensor:
    """Matrices `(N, 2, 3)` from output to input coordinates in [−1, 1], of square patches.

    The patch is flipped, sheared, turned, then shifted: torchvision's `hflip` and then its `affine`, with its signs.

    Args:
        angle: `(N,)`, clockwise, in radians.
        shear: `(N,)`, along rows, in radians.
        flip: `(N,)`, −1 to mirror left and right, 1 not to.
        shift: `(N, 2)`, to the right and down, in half-widths.
    """
    cos, sin, slope = torch.cos(angle), torch.sin(angle), torch.tan(shear)
    rows = [
        torch.stack([flip * (cos - slope * sin), flip * (sin + slope * cos)], 1),
        torch.stack([-sin, cos], 1),
    ]
    linear = torch.stack(rows, 1)
    return torch.cat([linear, -linear @ shift[:, :, None]], 2)


def affine(pixels: Tensor, matrix: Tensor) -> Tensor:
    """Resample a batch bilinearly at the transformed coordinates, mirrored beyond the border."""
    grid = affine_grid(matrix.to(pixels.dtype), list(pixels.shape), align_corners=False)
    return grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def rectangles(n: int, height: int, width: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """`n` random rectangles, any two distinct corners being equally likely (Algorithm 2).

    Returns:
        masks bool `(n, 1, H, W)`, true inside, and λ `(n,)`: the exact share of pixels outside.
    """
    masks, shares = [], []
    for side in (height, width):
        corners = torch.rand((n, side + 1), generator=generator, device=generator.device).topk(2).indices
        low, high = corners.amin(1, keepdim=True), corners.amax(1, keepdim=True)
        place = torch.arange(side, device=generator.device)
        masks.append((place >= low) & (place < high))
        shares.append((high - low).squeeze(1) / side)
    return (masks[0][:, :, None] & masks[1][:, None, :])[:, None], 1 - shares[0] * shares[1]


def cutmix(pixels: Tensor, targets: Tensor, generator: Generator) -> Mixed:
    """Replace a random rectangle of each sample by that of another; labels in proportion to area (Algorithm 2)."""
    partner = torch.randperm(len(pixels), generator=generator, device=generator.device)
    inside, weight = rectangles(len(pixels), pixels.shape[2], pixels.shape[3], generator)
    mixed = torch.where(inside, pixels[partner], pixels)
    return Mixed(mixed, mix_targets(targets, partner, weight), partner, weight)


def mixup(pixels: Tensor, targets: Tensor, alpha: float, generator: Generator, power: BandSet | None = None) -> Mixed:
    """Blend each sample with another by λ ~ Beta(α, α); labels by the same λ (Eq. 1).

    Args:
        pixels: `(N, C, H, W)`; with `power` those of the bands, not scaled.
        targets: `(N, 2)`.
        alpha: α of the Beta distribution.
        generator: on the device of `pixels`.
        power: the bands, to blend radar in linear power (`blend_power`) instead of decibels; None for decibels.
    """
    n = len(pixels)
    partner = torch.randperm(n, generator=generator, device=generator.device)
    gammas = torch._standard_gamma(torch.full((2, n), alpha, device=generator.device), generator=generator) + EPS
    weight = gammas[0] / gammas.sum(0)
    pair = (pixels, pixels[partner], weight.view(-1, 1, 1, 1))
    mixed = blend(*pair) if power is None else blend_power(*pair, power)
    return Mixed(mixed, mix_targets(targets, partner, weight), partner, weight)


def drop_modalities(pixels: Tensor, bands: BandSet, probability: float, generator: Generator) -> Tensor:
    """Set modalities of single samples to zero, the mean of their scaling, as if a pass or the optical image were missing.

    Optical bands, descending and ascending pass go independently, each with its derived channels; what is derived from both
    passes goes with either. A sample that would lose all modalities keeps them.

    Args:
        pixels: scaled channels `(N, C, H, W)`.
        bands: that they come from.
        probability: of losing one modality.
        generator: on the device of `pixels`.
    """
    groups = bands.modalities
    lost = uniform(len(groups) * len(pixels), 0, 1, generator).view(len(groups), -1) < probability
    lost &= ~lost.all(0)
    gone = dict(zip(groups, lost, strict=True))
    keeps = [
        ~torch.stack([gone[of] for of in channel.modalities]).any(0) for channel in bands.channels(pixels.shape[1])
    ]
    return pixels * torch.stack(keeps, 1).to(pixels.dtype)[:, :, None, None]


def mix_targets(targets: Tensor, partner: Tensor, weight: Tensor) -> Tensor:
    """Soft labels `(N, 2)` mixed with those of each sample's partner, by the sample's own share `(N,)`."""
    share = weight.to(targets.dtype)[:, None]
    return share * targets + (1 - share) * targets[partner]
