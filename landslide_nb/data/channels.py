"""From 12 bands to 20 and 28 channels, on a batch, on whatever device it lies. Formulas: `bands.DERIVED`."""

import torch
from kornia.filters import canny, sobel
from torch import Tensor

from landslide_nb.common.errors import StudyError
from landslide_nb.data.bands import BANDS, CHANNEL_COUNTS

EPS = 1e-7


def derive(bands: Tensor, count: int) -> Tensor:
    """The first `count` channels of a batch.

    Args:
        bands: `(N, 12, H, W)` as the challenge ships them: optical in DN, SAR in dB.
        count: 12, 20 or 28.

    Returns:
        `(N, count, H, W)`; channel order of `bands.channel_names(count)`.

    Raises:
        StudyError: for another count.
    """
    if count not in CHANNEL_COUNTS:
        raise StudyError(f"channels is {count}; expected one of {', '.join(map(str, CHANNEL_COUNTS))}")
    if count == len(BANDS):
        return bands
    channels = [bands, *(channel[:, None] for channel in _to_20(bands))]
    if count == max(CHANNEL_COUNTS):
        channels += [channel[:, None] for channel in _to_28(bands)]
    return torch.cat(channels, 1)


def _to_20(bands: Tensor) -> list[Tensor]:
    red, green, blue, nir = (bands[:, :4] / 10_000).unbind(1)
    stretched = _stretch(nir)
    return [
        _difference(nir, red),
        2.5 * (nir - red) / (nir + 2.4 * red + 1),
        ((green - red) / _away_from_zero(green + red - blue)).clamp(-1, 1),
        red / (red + green + blue + EPS),
        _radar_vegetation_index(bands[:, 4], bands[:, 5]),
        _radar_vegetation_index(bands[:, 8], bands[:, 9]),
        sobel(nir[:, None])[:, 0],
        canny(stretched[:, None])[1][:, 0],
    ]


def _to_28(bands: Tensor) -> list[Tensor]:
    red, green, blue, nir = (bands[:, :4] / 10_000).unbind(1)
    change = torch.stack([bands[:, 6], bands[:, 7], bands[:, 10], bands[:, 11]], 1)
    return [
        _difference(green, nir),
        (nir - green) / (nir + green + 0.1),
        (red + green + blue) / 3,
        bands[:, 4] - bands[:, 5],
        bands[:, 8] - bands[:, 9],
        change.mean(1),
        change.abs().mean(1),
        sobel(bands[:, 4:5])[:, 0],
    ]


def _difference(a: Tensor, b: Tensor) -> Tensor:
    """The normalised difference of two reflectances."""
    return (a - b) / (a + b + EPS)


def _radar_vegetation_index(vv: Tensor, vh: Tensor) -> Tensor:
    """4 VH / (VV + VH) from dB, written so that no power under- or overflows."""
    return 4 / (1 + 10 ** ((vv - vh) / 10))


def _away_from_zero(x: Tensor) -> Tensor:
    return torch.where(x.abs() < EPS, EPS, x)


def _stretch(x: Tensor) -> Tensor:
    """Each patch `(H, W)` of a batch stretched to [0, 1]; a constant one becomes 0."""
    low, high = x.amin((1, 2), keepdim=True), x.amax((1, 2), keepdim=True)
    return (x - low) / (high - low).clamp(min=EPS)
