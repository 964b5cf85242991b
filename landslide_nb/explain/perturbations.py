"""Patches as they are not: flipped, clouded, noisier, a pass short; and what networks say of them, computed once and kept."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn.functional import interpolate

from landslide_nb.augment.physics import views
from landslide_nb.common.arrays import Indices, Scores
from landslide_nb.common.cache import kept_arrays, key_of
from landslide_nb.common.source import code_of
from landslide_nb.data.bands import OPTICAL, PASSES, BandSet
from landslide_nb.data.channels import FULL
from landslide_nb.data.scaling import Scaler
from landslide_nb.experiments.run import Run
from landslide_nb.models.encoders import Backbone
from landslide_nb.training.fold import device
from landslide_nb.training.loop import predict

Change = Callable[[Tensor, Generator], Tensor]  # of pixels (N, C, H, W), not scaled, north up
CLOUD: Final = 0.6  # reflectance in every optical band; the study calls a mean of 0.4 bright
NOISE_OPTICAL: Final = 0.01  # reflectance
NOISE_DB: Final = 1.0
BATCH: Final = 256


def missing(modality: str, bands: BandSet) -> Change:
    """All bands of a modality at zero, as the paper occludes them."""
    channels = list(bands.of_modality(modality))

    def change(pixels: Tensor, _: Generator) -> Tensor:
        changed = pixels.clone()
        changed[:, channels] = 0
        return changed

    return change


def clouded(pixels: Tensor, generator: Generator, bands: BandSet) -> Tensor:
    """About half of each patch under a bright cloud with soft edges; radar sees through it."""
    coarse = torch.randn((len(pixels), 1, 5, 5), generator=generator, device=pixels.device)
    field = interpolate(coarse, size=pixels.shape[2:], mode="bicubic", align_corners=True)
    changed, optical = pixels.clone(), list(bands.optical)
    cloud = CLOUD * _full(bands).to(pixels)[None, :, None, None]
    changed[:, optical] = torch.lerp(pixels[:, optical], cloud.expand_as(pixels[:, optical]), torch.sigmoid(8 * field))
    return changed


def noisier(pixels: Tensor, generator: Generator, bands: BandSet) -> Tensor:
    """More noise in every pixel: a hundredth of reflectance, 1 dB of backscatter, √2 dB of its change."""
    deviation = torch.zeros(pixels.shape[1], device=pixels.device)
    deviation[list(bands.optical)] = NOISE_OPTICAL * _full(bands).to(pixels)
    deviation[list(bands.backscatter)], deviation[list(bands.change)] = NOISE_DB, NOISE_DB * 2**0.5
    return pixels + deviation[:, None, None] * torch.randn(pixels.shape, generator=generator, device=pixels.device)


def _full(bands: BandSet) -> Tensor:
    """What a reflectance of one is in each optical band."""
    return torch.tensor([FULL.get(bands.bands[place].unit, 1.0) for place in bands.optical])


def flips(bands: BandSet) -> dict[str, Change]:
    """The views of patches as changes: they need no chance."""
    return {name: lambda pixels, _, view=view: view(pixels) for name, view in views(bands).items()}  # type: ignore[misc]


def conditions(bands: BandSet) -> dict[str, Change]:
    """What can be wrong with patches of these bands, by name; a modality can be missing where there are several."""
    several = bands.modalities if len(bands.modalities) > 1 else ()
    changes: dict[str, Change] = {f"no {_spoken(of)}": missing(of, bands) for of in several}
    if bands.optical:
        changes["clouds over half"] = partial(clouded, bands=bands)
    return changes | {"more noise": partial(noisier, bands=bands)}


def _spoken(modality: str) -> str:
    return "optical bands" if modality == OPTICAL else f"{modality} pass" if modality in PASSES else modality


def log_odds_under(run: Run, chosen: Indices, changes: Mapping[str, Change]) -> dict[str, Scores]:
    """The log-odds `(n,)` that a run's network gives to the chosen patches under each change; kept in the store.

    Args:
        run: trained if it is not there.
        chosen: indices of patches.
        changes: by name.
    """
    loaded: list[tuple[Backbone, Scaler]] = []  # the network is read once, and only if something is not kept

    def ask(change: Change) -> dict[str, NDArray[np.float32]]:
        if not loaded:
            loaded.append(run.model())
        model, scaler = loaded[0][0].to(device()), loaded[0][1]
        # The same patches meet the same clouds and noise, whichever network looks at them.
        generator = Generator(device()).manual_seed(run.study.data_seed)
        parts = torch.from_numpy(run.data[0].pixels[chosen]).to(device()).split(BATCH)
        predicted = [predict(model, change(part, generator), run.study.settings, scaler)[0] for part in parts]
        return {"log_odds": np.concatenate(predicted)}

    log_odds = {}
    for name, change in changes.items():
        key = key_of(code=code_of(__name__), run=run.key, patches=chosen, change=name)
        arrays = kept_arrays("perturbations", key, partial(ask, change))
        log_odds[name] = arrays["log_odds"].astype(np.float64)
    return log_odds
