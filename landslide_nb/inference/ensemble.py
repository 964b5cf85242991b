"""Ensemble: what predicts new patches, without the study that it came from.

Members are put together on the scale of log-odds within a fold, and folds by the mean of their probabilities. One run is a fold
of one member of weight 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Final

import lightgbm
import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from landslide_nb.augment.physics import flipped
from landslide_nb.common.arrays import Scores
from landslide_nb.common.errors import ModelError
from landslide_nb.data.bands import BandSet
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.scaling import Scaler
from landslide_nb.models.encoders import Backbone
from landslide_nb.tabular import statistics
from landslide_nb.training.fold import device
from landslide_nb.training.loop import State, build, predict
from landslide_nb.training.settings import Settings

HALF: Final = 0.5  # the threshold where nobody has chosen one


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network.

    Attributes:
        settings: that it was trained with.
        scaler: of its channels.
        state: its weights.
        flips: whether its log-odds are averaged over the flips that the bands allow.
    """

    settings: Settings
    scaler: Scaler
    state: State
    flips: bool = False

    @cached_property
    def model(self) -> Backbone:
        """The network, ready to predict.

        Raises:
            ModelError: if the weights are not those of such a network.
        """
        network = build(self.settings.model_copy(update={"weights": "none"}))
        try:
            network.load_state_dict(self.state)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise ModelError(
                f"the weights do not fit {self.settings.backbone} ({reason}); give those of this network"
            ) from error
        return network.to(device()).eval()

    def log_odds(self, pixels: Tensor) -> Scores:
        """Log-odds `(N,)` of pixels `(N, C, H, W)`."""
        return predict(self.model, pixels, self.settings, self.scaler)[0].astype(np.float64)


@dataclass(frozen=True, eq=False)
class Trees:
    """LightGBM's trees on the statistics of a patch.

    Attributes:
        text: what `Booster.model_to_string` gives.
        bands: of the patches.
    """

    text: str
    bands: BandSet
    flips: ClassVar[bool] = False

    @cached_property
    def booster(self) -> lightgbm.Booster:
        """The trees, ready to predict.

        Raises:
            ModelError: if the text is none of LightGBM's, or its trees ask for other features.
        """
        try:
            booster = lightgbm.Booster(model_str=self.text)
        except lightgbm.basic.LightGBMError as error:
            raise ModelError(f"the trees cannot be read ({error}); give LightGBM's own text format") from error
        expected = len(statistics.columns_of(self.bands))
        if booster.num_feature() != expected or booster.num_model_per_iteration() != 1:
            raise ModelError(
                f"the trees take {booster.num_feature()} features to {booster.num_model_per_iteration()} scores; expected the"
                f" {expected} statistics to one"
            )
        return booster

    def log_odds(self, pixels: Tensor) -> Scores:
        """Log-odds `(N,)` of pixels `(N, C, H, W)`."""
        values = statistics.of_pixels(pixels.cpu().numpy(), self.bands)
        return np.asarray(self.booster.predict(values, num_threads=1, raw_score=True), np.float64)


@dataclass(frozen=True, eq=False)
class Fold:
    """Members that were trained on the same fold; the logit is `intercept` + Σ weight · log-odds.

    Attributes:
        members: by name.
        weights: of each member, by the same names.
        intercept: 0 for a single run.
    """

    members: Mapping[str, Network | Trees]
    weights: Mapping[str, float]
    intercept: float = 0.0

    def __post_init__(self) -> None:
        """Raise `ModelError` unless each member has a finite weight."""
        if not self.members or set(self.members) != set(self.weights):
            raise ModelError(
                f"the members are {', '.join(self.members) or 'none'}, the weights those of {', '.join(self.weights) or 'none'};"
                " expected at least one member, and a weight for each"
            )
        if not np.isfinite([*self.weights.values(), self.intercept]).all():
            raise ModelError(f"weights {dict(self.weights)} and intercept {self.intercept} must be finite numbers")

    @classmethod
    def single(cls, network: Network) -> "Fold":
        """A fold of one network, whose probability it keeps."""
        return cls({network.settings.backbone: network}, {network.settings.backbone: 1.0})

    def probabilities(self, pixels: Tensor, bands: BandSet, flips: bool = False) -> Scores:
        """Probabilities `(N,)` of pixels `(N, C, H, W)`.

        Args:
            pixels: of patches.
            bands: of these pixels.
            flips: whether all members see the flips, not only those that say so themselves.
        """
        logits = np.full(len(pixels), self.intercept)
        for name, member in self.members.items():
            views = flipped(pixels, bands) if flips or member.flips else [pixels]
            logits += self.weights[name] * np.mean([member.log_odds(view) for view in views], axis=0)
        return np.asarray(expit(logits))


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Folds, the probability from which a patch is called a landslide, and whether patches are also seen flipped.

    Attributes:
        folds: whose probabilities are averaged.
        data_set: what the patches are that it takes.
        threshold: "landslide" from this probability on.
        flips: whether every member's log-odds are averaged over the flips that the bands allow.
    """

    folds: tuple[Fold, ...]
    data_set: DataSet
    threshold: float = HALF
    flips: bool = False

    def __post_init__(self) -> None:
        """Raise `ModelError` if there are no folds, or the threshold is no probability."""
        if not self.folds:
            raise ModelError("an ensemble needs at least one fold; it has none")
        if not 0 <= self.threshold <= 1:
            raise ModelError(f"the threshold is {self.threshold}; expected a probability, from 0 to 1")

    def replace(self, threshold: float | None = None, flips: bool | None = None) -> "Ensemble":
        """The same ensemble with another threshold, or with flips or without; None leaves them as they are."""
        return replace(
            self,
            threshold=self.threshold if threshold is None else threshold,
            flips=self.flips if flips is None else flips,
        )

    @torch.no_grad()
    def probabilities(self, pixels: Tensor) -> Scores:
        """Each fold's probability of a landslide `(N, F)` for pixels `(N, C, H, W)`; their mean over folds is the ensemble's."""
        pixels, bands = pixels.to(device()), self.data_set.bands
        return np.column_stack([fold.probabilities(pixels, bands, self.flips) for fold in self.folds])
