"""Where a network looks: its attributions on real landslides, beside the masks that say where these are.

A patch is seen as a grid of squares. Two maps say what a square is worth to the network: the mean size of the gradient of the log-odds
with respect to its input (Simonyan, Vedaldi and Zisserman 2014), and by how much the log-odds fall when the square is overwritten by the
means of the bands over training patches (Zeiler and Fergus 2014). Two scores hold them against the mask: the share of the attribution
that lies in the scar, and the pointing game (Zhang et al. 2018), whether the square of highest attribution holds any of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landslide_nb.common.arrays import Features, Indices, Pixels
from landslide_nb.common.errors import DataError
from landslide_nb.common.files import replacing
from landslide_nb.data.patches import Patches
from landslide_nb.experiments import archive
from landslide_nb.experiments.damage import DAMAGE
from landslide_nb.experiments.run import Run
from landslide_nb.training.batches import prepare
from landslide_nb.training.loop import predict

SQUARES: Final = 8  # a side
FILE: Final = "attribution.npz"
INPUT: Final = "input"  # the picture itself, which no network has looked at
CHANCE: Final = "chance"
GRADIENT, OCCLUSION = "gradient", "occlusion"
Scored = NDArray[np.float32]  # (P, 2): share of the attribution in the scar, pointing game


class Looks(NamedTuple):
    """Where networks look.

    Attributes:
        patches: the landslides of the hold-out test that were looked at, `(P,)`.
        scores: `(P, 2)` of `chance`, of `input`, and of each `RUN/gradient` and `RUN/occlusion`; RUN is the key of a published run.
    """

    patches: Indices
    scores: dict[str, Scored]


def look(run: Run, patches: Patches) -> dict[str, Scored]:
    """What a network's two maps score, by the weights that the last epoch left.

    Args:
        run: a trained run.
        patches: landslides that it was not trained on, with masks.

    Returns:
        `(N, 2)` of gradient and occlusion.
    """
    scar = scars(patches)
    maps = {GRADIENT: gradients(run, patches.pixels), OCCLUSION: falls(run, patches.pixels)}
    return {name: score(each, scar) for name, each in maps.items()}


def scars(patches: Patches) -> Features:
    """The share of landslide in each square, `(N, squares)`.

    Raises:
        DataError: if nobody has marked the landslides.
    """
    if patches.masks is None:
        raise DataError(
            "these patches have no masks, so nobody knows where in a patch its landslide is; give data with masks"
        )
    return squares(torch.from_numpy(patches.masks > 0).float())


def squares(images: Tensor) -> Features:
    """The mean of each square of images `(N, H, W)`, row by row: `(N, squares)`."""
    return np.asarray(torch.nn.functional.adaptive_avg_pool2d(images[:, None], SQUARES).flatten(1).numpy())


def gradients(run: Run, pixels: Pixels) -> Features:
    """The mean size of the gradient of the log-odds in each square, over channels; `(N, squares)`."""
    network, scaler = run.model()
    found = []
    for part in torch.from_numpy(pixels).split(64):
        channels = prepare(part, run.study.settings, scaler).detach().requires_grad_()
        logits = network.classify(network.embed(channels))
        (logits[:, 1] - logits[:, 0]).sum().backward()
        assert channels.grad is not None
        found.append(squares(channels.grad.abs().sum(1)))
    return np.concatenate(found)


def falls(run: Run, pixels: Pixels) -> Features:
    """By how much the log-odds fall without each square; a rise counts as none. `(N, squares)`."""
    network, scaler = run.model()
    whole, settings = torch.from_numpy(pixels), run.study.settings
    centre = torch.from_numpy(scaler.centre[: pixels.shape[1]]).view(1, -1, 1, 1)
    before, found = predict(network, whole, settings, scaler)[0], []
    for down in np.array_split(np.arange(pixels.shape[2]), SQUARES):
        for across in np.array_split(np.arange(pixels.shape[3]), SQUARES):
            without = whole.clone()
            without[:, :, down[0] : down[-1] + 1, across[0] : across[-1] + 1] = centre
            found.append(before - predict(network, without, settings, scaler)[0])
    return np.asarray(np.stack(found, 1).clip(min=0), np.float32)


def contrast(pixels: Pixels) -> Features:
    """How far each square is from its patch's mean, over bands: what there is to see without a network; `(N, squares)`."""
    values = torch.from_numpy(pixels)
    far = (values - values.mean((2, 3), keepdim=True)).abs() / values.std((0, 2, 3), keepdim=True).clamp(min=1e-9)
    return squares(far.sum(1))


def score(attribution: Features, scar: Features) -> Scored:
    """The share of an attribution in the scar, and whether its highest square holds any of it; `(N, 2)`."""
    share = (attribution * scar).sum(1) / np.maximum(attribution.sum(1), 1e-12)
    hit = scar[np.arange(len(scar)), attribution.argmax(1)] > 0
    return np.stack([share, hit], 1).astype(np.float32)


def chance(scar: Features) -> Scored:
    """What an attribution scores that is the same everywhere, or points anywhere; `(N, 2)`."""
    return np.stack([scar.mean(1), (scar > 0).mean(1)], 1).astype(np.float32)


def chosen(run: Run, count: int) -> Indices:
    """Landslides of the hold-out test to look at, drawn at random by the study's seed; in order."""
    known, split = run.known
    landslides = split.test[known.known_labels[split.test] == 1]
    drawn = np.random.default_rng(run.study.data_seed).permutation(landslides)[:count]
    return np.sort(drawn)


def read(folder: Path | None = None) -> Looks:
    """What is published; no patches where nothing is.

    Raises:
        DataError: if the file is damaged.
    """
    path = (folder or archive.folder()) / FILE
    if not path.is_file():
        return Looks(np.empty(0, np.int64), {})
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = {name: file[name] for name in file.files}
        return Looks(arrays.pop("patches"), {name: each.astype(np.float32) for name, each in arrays.items()})
    except DAMAGE as error:
        raise DataError(f"{path} cannot be read ({error}); take the repository's file again") from error


def write(looks: Looks, folder: Path) -> None:
    """Publish where networks look, in half precision."""
    arrays: Mapping[str, Any] = {name: each.astype(np.float16) for name, each in looks.scores.items()}
    with replacing(folder / FILE) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, patches=looks.patches, **arrays)
