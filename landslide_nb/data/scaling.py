"""Standard and robust scaling of channels, fitted on training patches only."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landslide_nb.common.arrays import Pixels
from landslide_nb.data.bands import BandSet
from landslide_nb.data.channels import derive

BATCH = 256
ROBUST_VALUES = 2**22  # quantiles of a channel are read off at most about this many of its pixels


@dataclass(frozen=True, eq=False)
class Scaler:
    """What is subtracted from each channel and what it is divided by.

    Attributes:
        centre: float32 `(C,)`; the mean (standard) or the median (robust).
        scale: float32 `(C,)`; the standard deviation or the interquartile range; 1 for a constant channel.
    """

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def fit(cls, pixels: Pixels, bands: BandSet, channels: int, method: Literal["standard", "robust"]) -> Self:
        """Fit on all pixels of the given patches, which must be training patches and nothing else.

        Args:
            pixels: `(N, C, H, W)` of the training patches of a fold.
            bands: of these pixels.
            channels: one of `bands.counts`; derived channels are scaled like bands.
            method: "standard" or "robust".
        """
        stride = 1 if method == "standard" else 1 + pixels[:, 0].size // ROBUST_VALUES
        batches = (
            derive(torch.from_numpy(pixels[i : i + BATCH]), bands, channels) for i in range(0, len(pixels), BATCH)
        )
        values = [batch.transpose(0, 1).flatten(1)[:, ::stride] for batch in batches]
        return cls(*(_moments(values) if method == "standard" else _quartiles(values)))

    def apply(self, channels: Tensor) -> Tensor:
        """Scale a batch `(N, C, H, W)`."""
        centre, scale = (torch.from_numpy(v).to(channels.device).view(1, -1, 1, 1) for v in (self.centre, self.scale))
        return (channels - centre) / scale


def _moments(values: list[Tensor]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    count = sum(v.shape[1] for v in values)
    mean = torch.stack([v.double().sum(1) for v in values]).sum(0) / count
    squares = torch.stack([((v.double() - mean[:, None]) ** 2).sum(1) for v in values]).sum(0)
    return _checked(mean.numpy(), (squares / count).sqrt().numpy())


def _quartiles(values: list[Tensor]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    low, median, high = np.quantile(torch.cat(values, 1).numpy(), (0.25, 0.5, 0.75), axis=1)
    return _checked(median, high - low)


def _checked(
    centre: NDArray[np.float64], scale: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return centre.astype(np.float32), np.where(scale > 0, scale, 1).astype(np.float32)
