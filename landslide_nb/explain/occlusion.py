"""The bands that carry a network's decision (Fig. 7): what its probability loses when they are overwritten."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import torch
from scipy.special import expit
from torch import Tensor

from landslide_nb.data.bands import BandSet, Places
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.experiments.run import Run
from landslide_nb.training.fold import device
from landslide_nb.training.loop import predict

Fill = Literal["zero", "mean", "permuted"]


def single_bands(bands: BandSet) -> dict[str, Places]:
    """Each band alone, by name."""
    return {name: (place,) for place, name in enumerate(bands.names)}


def features_of(bands: BandSet) -> dict[str, Places]:
    """What is overwritten: each band, and each group of bands that is not a band or all of them."""
    groups = {name: places for name, places in bands.groups.items() if 1 < len(places) < len(bands)}
    return single_bands(bands) | groups


def band_occlusion(
    run: Run,
    patches: Patches,
    fill: Fill = "zero",
    features: Mapping[str, Sequence[int]] | None = None,
    donors: Patches | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """How far the probability of a landslide falls when bands are overwritten, before derivation and scaling.

    Args:
        run: a trained run.
        patches: the patches to look at; the paper takes landslides.
        fill: "zero" as in the paper; "mean", the centre of a band's scaling, which is its mean over the training patches
            (robust scaling: its median); "permuted", the same bands of another patch, drawn from `donors`.
        features: the bands, by index, that are overwritten together, by name; each band alone by default. With zeros it
            equals captum's `FeatureAblation` with the features as mask.
        donors: where "permuted" draws from, with every class in its share; `patches` by default.
        seed: of the draw. A patch has the same donor for all features.

    Returns:
        A column for each feature, a row for each patch: probability before minus probability after.
    """
    model, scaler = run.model()
    model.to(device())
    pixels = torch.from_numpy(patches.pixels).to(device())
    other = _filling(fill, len(patches), donors or patches, scaler, seed).to(device())
    whole = expit(predict(model, pixels, run.study.settings, scaler)[0])
    drops = {}
    for name, chosen in (features or single_bands(patches.data_set.bands)).items():
        occluded = pixels.clone()
        occluded[:, list(chosen)] = other[:, list(chosen)]
        drops[name] = whole - expit(predict(model, occluded, run.study.settings, scaler)[0])
    return pd.DataFrame(drops, index=list(patches.ids))


def _filling(fill: Fill, n: int, donors: Patches, scaler: Scaler, seed: int) -> Tensor:
    """What bands are overwritten with: `(1, C, 1, 1)`, or `(n, C, H, W)` of donors."""
    if fill == "permuted":
        return torch.from_numpy(donors.pixels[np.random.default_rng(seed).integers(len(donors), size=n)])
    centre = torch.from_numpy(scaler.centre[: donors.pixels.shape[1]])
    return (torch.zeros_like(centre) if fill == "zero" else centre).view(1, -1, 1, 1)
