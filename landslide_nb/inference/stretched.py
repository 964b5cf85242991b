"""A model of pictures that were stretched to 8 bits, on scenes that were not."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from landslide_nb.common.arrays import Scores
from landslide_nb.data.dataset import DataSet
from landslide_nb.inference.ensemble import Ensemble

WHITE: Final = 255


@dataclass(frozen=True, eq=False)
class Stretched:
    """An ensemble that sees each patch stretched so that its largest value, over all bands, is 255: as the pictures it was trained on.

    Attributes:
        ensemble: of patches in 8 bits.
        unit: of the scene's numbers.
    """

    ensemble: Ensemble
    unit: str = "DN"

    @property
    def data_set(self) -> DataSet:
        """What the patches are that it takes: those of the ensemble, in another unit."""
        own = self.ensemble.data_set
        bands = tuple(band.model_copy(update={"unit": self.unit}) for band in own.bands.bands)
        return own.model_copy(update={"bands": own.bands.model_copy(update={"bands": bands})})

    @property
    def threshold(self) -> float:
        """The probability from which a patch is called a landslide."""
        return self.ensemble.threshold

    def probabilities(self, pixels: Tensor) -> Scores:
        """Each fold's probability `(N, F)` for pixels `(N, C, H, W)`."""
        largest = pixels.amax((1, 2, 3), keepdim=True).clamp(min=1)
        return self.ensemble.probabilities(torch.floor(pixels / largest * WHITE))
