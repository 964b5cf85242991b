"""Patches as they are not: flipped, clouded, noisier, a pass short; and what networks say of them, computed once and kept."""

import hashlib
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate

from landslide_nb.augment.physics import VIEWS
from landslide_nb.common.arrays import Indices, Scores
from landslide_nb.common.files import replacing
from landslide_nb.common.store import store
from landslide_nb.data.bands import BACKSCATTER, CHANGE, MODALITIES, OPTICAL, modality_channels
from landslide_nb.experiments.run import Run
from landslide_nb.models.heads import fc_decision
from landslide_nb.training.fold import device
from landslide_nb.training.loop import predict

Change = Callable[[Tensor, Generator], Tensor]  # of bands (N, 12, H, W), north up: optical in DN, SAR in dB
CLOUD: Final = 6000.0  # DN in every optical band; the study calls a mean of 4,000 bright
NOISE_DN: Final = 100.0
NOISE_DB: Final = 1.0
BATCH: Final = 256


def missing(modality: str) -> Change:
    """All bands of a modality at zero, as the paper occludes them."""
    channels = list(modality_channels(12)[modality])

    def change(bands: Tensor, _: Generator) -> Tensor:
        changed = bands.clone()
        changed[:, channels] = 0
        return changed

    return change


def seen_as(view: Callable[[Tensor], Tensor]) -> Change:
    """A view of patches as a change: it needs no chance."""
    return lambda bands, _: view(bands)


def clouded(bands: Tensor, generator: Generator) -> Tensor:
    """About half of each patch under a bright cloud with soft edges; radar sees through it."""
    coarse = torch.randn((len(bands), 1, 5, 5), generator=generator, device=bands.device)
    field = interpolate(coarse, size=bands.shape[2:], mode="bicubic", align_corners=True)
    changed, optical = bands.clone(), list(OPTICAL)
    changed[:, optical] = torch.lerp(
        bands[:, optical], torch.full((), CLOUD, device=bands.device), torch.sigmoid(8 * field)
    )
    return changed


def noisier(bands: Tensor, generator: Generator) -> Tensor:
    """More noise in every pixel: 100 DN, 1 dB of backscatter, √2 dB of its change."""
    deviation = torch.zeros(bands.shape[1], device=bands.device)
    deviation[list(OPTICAL)], deviation[list(BACKSCATTER)] = NOISE_DN, NOISE_DB
    deviation[list(CHANGE)] = NOISE_DB * 2**0.5
    return bands + deviation[:, None, None] * torch.randn(bands.shape, generator=generator, device=bands.device)


FLIPS: Final[Mapping[str, Change]] = {name: seen_as(view) for name, view in VIEWS.items()}
CONDITIONS: Final[Mapping[str, Change]] = {
    **{f"no {'optical bands' if of == 'optical' else f'{of} pass'}": missing(of) for of in MODALITIES},
    "clouds over half": clouded,
    "more noise": noisier,
}


def log_odds_under(run: Run, chosen: Indices, changes: Mapping[str, Change]) -> dict[str, Scores]:
    """The log-odds `(n,)` that a run's network gives to the chosen patches under each change; kept in the store.

    Args:
        run: trained if it is not there.
        chosen: indices of patches.
        changes: by name.
    """
    paths = {name: store() / "conditions" / f"{_key(run, chosen, name)}.npy" for name in changes}
    if wanted := [name for name, path in paths.items() if not path.is_file()]:
        model, scaler = run.model()
        model.to(device())
        for name in wanted:
            # The same patches meet the same clouds and noise, whichever network looks at them.
            generator = Generator(device()).manual_seed(run.study.data_seed)
            parts = torch.from_numpy(run.data[0].pixels[chosen]).to(device()).split(BATCH)
            said = [predict(model, changes[name](part, generator), run.study.settings, scaler)[0] for part in parts]
            paths[name].parent.mkdir(parents=True, exist_ok=True)
            with replacing(paths[name]) as temporary, temporary.open("wb") as file:
                np.save(file, np.concatenate(said))
    return {name: fc_decision(np.load(path, allow_pickle=False)) for name, path in paths.items()}


def _key(run: Run, chosen: Indices, name: str) -> str:
    """A hash of the run, the patches, the change and the code above."""
    digest = hashlib.sha256(f"{run.key} {name} {inspect.getsource(sys.modules[__name__])}".encode())
    digest.update(np.ascontiguousarray(chosen).data)
    return digest.hexdigest()[:32]
