"""From bands to the channels that a network sees, on a batch, on whatever device it lies. Formulas: `derived.DERIVED`."""

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from kornia.filters import canny, sobel
from scipy import ndimage
from torch import Tensor

from landslide_nb.common.errors import StudyError
from landslide_nb.data.bands import OPTICAL, PASSES, RGB, BandSet

EPS = 1e-7
Read = Callable[..., Tensor]  # role (and modality) to a band `(N, H, W)`
FULL: Final = {"DN": 10_000.0, "8 bit": 255.0}  # what an optical band is divided by to be a reflectance
DESCENDING, ASCENDING = PASSES
NEIGHBOURS: Final = np.stack([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))])  # of a pixel, in its own patch


def derive(pixels: Tensor, bands: BandSet, count: int) -> Tensor:
    """The first `count` channels of a batch.

    Args:
        pixels: `(N, C, H, W)` as the data set ships them.
        bands: of these pixels.
        count: one of `bands.counts`.

    Returns:
        `(N, count, H, W)`; channel order of `bands.channels(count)`.

    Raises:
        StudyError: for another count.
    """
    check_count(bands, count)
    if count == len(bands):
        return pixels
    read = _reader(pixels, bands)
    names = [channel.name for channel in bands.channels(count)[len(bands) :]]
    return torch.cat([pixels, *(FORMULAS[name](read)[:, None] for name in names)], 1)


def check_count(bands: BandSet, count: int) -> None:
    """Raise `StudyError` if these bands do not offer so many channels."""
    if count not in bands.counts:
        raise StudyError(f"channels is {count}; expected one of {', '.join(map(str, bands.counts))}")


def _reader(pixels: Tensor, bands: BandSet) -> Read:
    """A function that gives a band by its role, an optical one as reflectance; each is computed once."""
    known: dict[int, Tensor] = {}

    def read(role: str, modality: str = OPTICAL) -> Tensor:
        place = bands.place(role, modality)
        if place not in known:
            full = FULL.get(bands.bands[place].unit, 1.0) if modality == OPTICAL else 1.0
            known[place] = pixels[:, place] if full == 1 else pixels[:, place] / full
        return known[place]

    return read


def _difference(a: Tensor, b: Tensor) -> Tensor:
    """The normalised difference of two reflectances."""
    return (a - b) / (a + b + EPS)


def _vari(read: Read) -> Tensor:
    red, green, blue = map(read, RGB)
    return ((green - red) / _away_from_zero(green + red - blue)).clamp(-1, 1)


def _red_share(read: Read) -> Tensor:
    red, green, blue = map(read, RGB)
    return red / (red + green + blue + EPS)


def _brightness(read: Read) -> Tensor:
    red, green, blue = map(read, RGB)
    return (red + green + blue) / 3


def _radar_vegetation_index(read: Read, modality: str) -> Tensor:
    """4 VH / (VV + VH) from dB, written so that no power under- or overflows."""
    return 4 / (1 + 10 ** (_cross(read, modality) / 10))


def _cross(read: Read, modality: str) -> Tensor:
    return read("vv", modality) - read("vh", modality)


def _changes(read: Read) -> Tensor:
    return torch.stack([read(role, of) for of in PASSES for role in ("vv_change", "vh_change")], 1)


def _sobel(band: Tensor) -> Tensor:
    return sobel(band[:, None])[:, 0]


def _canny(band: Tensor) -> Tensor:
    """Edges, 0 or 1: kornia's, but a weak one is followed to a strong one in one pass, not by a convolution for each pixel of it."""
    edges = canny(_stretch(band)[:, None], hysteresis=False)[1][:, 0]
    found = edges.cpu().numpy()
    parts, count = ndimage.label(found > 0, NEIGHBOURS)
    strong = np.zeros(count + 1, bool)
    strong[parts[found == 1]] = True
    return torch.from_numpy(strong[parts]).to(edges)


def _away_from_zero(x: Tensor) -> Tensor:
    return torch.where(x.abs() < EPS, EPS, x)


def _stretch(x: Tensor) -> Tensor:
    """Each patch `(H, W)` of a batch stretched to [0, 1]; a constant one becomes 0."""
    low, high = x.amin((1, 2), keepdim=True), x.amax((1, 2), keepdim=True)
    return (x - low) / (high - low).clamp(min=EPS)


FORMULAS: Final[dict[str, Callable[[Read], Tensor]]] = {
    "NDVI": lambda read: _difference(read("nir"), read("red")),
    "EVI2": lambda read: 2.5 * (read("nir") - read("red")) / (read("nir") + 2.4 * read("red") + 1),
    "VARI": _vari,
    "REDR": _red_share,
    "DRVI": lambda read: _radar_vegetation_index(read, DESCENDING),
    "ARVI": lambda read: _radar_vegetation_index(read, ASCENDING),
    "SobelNIR": lambda read: _sobel(read("nir")),
    "CannyNIR": lambda read: _canny(read("nir")),
    "NDWI": lambda read: _difference(read("green"), read("nir")),
    "GNDVI": lambda read: (read("nir") - read("green")) / (read("nir") + read("green") + 0.1),
    "Brightness": _brightness,
    "DCross": lambda read: _cross(read, DESCENDING),
    "ACross": lambda read: _cross(read, ASCENDING),
    "Change": lambda read: _changes(read).mean(1),
    "AbsChange": lambda read: _changes(read).abs().mean(1),
    "SobelVV": lambda read: _sobel(read("vv", DESCENDING)),
    "SobelBrightness": lambda read: _sobel(_brightness(read)),
    "CannyBrightness": lambda read: _canny(_brightness(read)),
}
