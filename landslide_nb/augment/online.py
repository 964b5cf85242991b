"""Online augmentation of a batch on its device: colour, geometry, CutMix (Algorithm 2) and Mixup (Eq. 1).

It follows scaling, so strengths are in standard deviations of a channel. Everything random comes from one generator.
The paper names the transformations and no strength; the defaults here are ours.
"""

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample

from landslide_nb.data.bands import BANDS, OPTICAL
from landslide_nb.data.channels import EPS

OPTICAL_COUNT = len(OPTICAL)  # the optical bands come first


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


def uniform(n: int, low: float, high: float, generator: Generator) -> Tensor:
    """`n` uniform values in [low, high)."""
    return low + (high - low) * torch.rand(n, generator=generator, device=generator.device)


def colour(pixels: Tensor, strength: float, generator: Generator) -> Tensor:
    """Random noise, brightness, contrast, and saturation of the optical bands; derived channels stay as they are.

    Args:
        pixels: scaled channels `(N, C, H, W)`.
        strength: 0 leaves the batch unchanged; 1 is strong.
        generator: on the device of `pixels`.
    """
    n, bands = len(pixels), pixels[:, : len(BANDS)]
    contrast, saturation = (uniform(n, 1 - strength, 1 + strength, generator).view(-1, 1, 1, 1) for _ in range(2))
    brightness = uniform(n, -strength, strength, generator).view(-1, 1, 1, 1)
    mean = bands.mean((2, 3), keepdim=True)
    bands = mean + (bands - mean) * contrast + brightness
    grey = bands[:, :OPTICAL_COUNT].mean(1, keepdim=True)
    optical = grey + (bands[:, :OPTICAL_COUNT] - grey) * saturation
    bands = torch.cat([optical, bands[:, OPTICAL_COUNT:]], 1)
    noise = torch.randn(bands.shape, generator=generator, device=bands.device)
    return torch.cat([bands + 0.2 * strength * noise, pixels[:, len(BANDS) :]], 1)


def geometry(pixels: Tensor, strength: float, generator: Generator) -> Tensor:
    """Random flips, quarter turns, and one affine transform of shift, shear and rotation, mirrored at the border.

    Args:
        pixels: `(N, C, H, W)`.
        strength: 0 leaves flips and quarter turns only; 1 is shifts of a quarter patch, turns and shears of 45°.
        generator: on the device of `pixels`.
    """
    n = len(pixels)
    quarter = torch.randint(4, (n,), generator=generator, device=generator.device) * (math.pi / 2)
    angle = quarter + uniform(n, -strength, strength, generator) * (math.pi / 4)
    shear = torch.tan(uniform(n, -strength, strength, generator) * (math.pi / 4))
    flip = torch.where(uniform(n, 0, 1, generator) < 0.5, -1.0, 1.0)
    shift = uniform(2 * n, -strength, strength, generator).view(n, 2) / 2  # half-widths
    return affine(pixels, affine_matrix(angle, shear, flip, shift))


def affine_matrix(angle: Tensor, shear: Tensor, flip: Tensor, shift: Tensor) -> Tensor:
    """Matrices `(N, 2, 3)` from output to input coordinates in [−1, 1]: rotation · shear · flip, then shift."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    rows = [
        torch.stack([flip * cos, shear * cos - sin, shift[:, 0]], 1),
        torch.stack([flip * sin, shear * sin + cos, shift[:, 1]], 1),
    ]
    return torch.stack(rows, 1)


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
    return Mixed(mixed, _mix(targets, partner, weight), partner, weight)


def mixup(pixels: Tensor, targets: Tensor, alpha: float, generator: Generator) -> Mixed:
    """Blend each sample with another by λ ~ Beta(α, α); labels by the same λ (Eq. 1)."""
    n = len(pixels)
    partner = torch.randperm(n, generator=generator, device=generator.device)
    gammas = torch._standard_gamma(torch.full((2, n), alpha, device=generator.device), generator=generator) + EPS
    weight = gammas[0] / gammas.sum(0)
    share = weight.view(-1, 1, 1, 1)
    return Mixed(share * pixels + (1 - share) * pixels[partner], _mix(targets, partner, weight), partner, weight)


def _mix(targets: Tensor, partner: Tensor, weight: Tensor) -> Tensor:
    share = weight.to(targets.dtype)[:, None]
    return share * targets + (1 - share) * targets[partner]
