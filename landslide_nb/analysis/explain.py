"""What a network sees: maps of its embeddings (Fig. 6) and the bands that carry its decision (Fig. 7)."""

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal, NamedTuple
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import Tensor

from landslide_nb.data.bands import BACKSCATTER, BAND_NAMES, BANDS, CHANGE, OPTICAL, SAR
from landslide_nb.data.folds import Indices
from landslide_nb.data.patches import Patches, replacing
from landslide_nb.data.scaling import Scaler
from landslide_nb.models.fold import device
from landslide_nb.models.training import predict
from landslide_nb.runs import Result, Run
from landslide_nb.store import store

Fill = Literal["zero", "mean", "permuted"]
Points = NDArray[np.float32]

SINGLE: Final[Mapping[str, Sequence[int]]] = {band: (i,) for i, band in enumerate(BAND_NAMES)}
# Optical, descending, ascending, backscatter and Δ are four bands each; SAR is eight.
GROUPS: Final[Mapping[str, Sequence[int]]] = {
    "optical": OPTICAL,
    "SAR": SAR,
    "descending": tuple(i for i, band in enumerate(BANDS) if band.group == "descending"),
    "ascending": tuple(i for i, band in enumerate(BANDS) if band.group == "ascending"),
    "backscatter": BACKSCATTER,
    "Δ": CHANGE,
}
LIBRARIES: Final = ("umap-learn", "pynndescent", "numba", "numpy", "scipy", "scikit-learn")  # of a map


class Map(NamedTuple):
    """A two-dimensional map of embeddings.

    Attributes:
        points: float32 `(N, 2)`.
        boundary: an SVM fitted on the points of the training patches, for drawing only.
    """

    points: Points
    boundary: SVC


def umap_map(result: Result, labels: NDArray[np.int8], seed: int, neighbours: int = 15, *, keep: bool = True) -> Map:
    """A UMAP of a run's embeddings: fitted on the fold's training patches, all others placed into it.

    Args:
        result: a run.
        labels: of all patches.
        seed: of UMAP; the same seed gives the same map on the same machine.
        neighbours: UMAP's size of neighbourhood; fewer where there are fewer training patches.
        keep: read the points from the store if they are there, and write them there if not.
    """
    neighbours = min(neighbours, len(result.train) - 1)
    path = store() / "maps" / f"{_key(result, seed, neighbours)}.npy"
    points = _read(path, len(result.embeddings)) if keep else None
    if points is None:
        points = _place(result.embeddings, result.train, seed, neighbours)
        if keep:
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.save(file, points)
    boundary = SVC(kernel="rbf", class_weight="balanced").fit(points[result.train], labels[result.train])
    return Map(points, boundary)


def _place(embeddings: NDArray[np.float32], train: Indices, seed: int, neighbours: int) -> Points:
    """The points `(N, 2)` of the embeddings; those of the training patches are UMAP's own."""
    from umap import UMAP  # noqa: PLC0415 - it compiles for seconds, and only a map that is not kept needs it

    scaled = StandardScaler().fit(embeddings[train]).transform(embeddings)
    mapper = UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1).fit(scaled[train])
    points = mapper.transform(scaled)
    points[train] = mapper.embedding_
    return np.asarray(points, np.float32)


def _key(result: Result, seed: int, neighbours: int) -> str:
    """A hash of all that a map's points depend on: embeddings, parameters, libraries and the code above."""
    settings = f"{seed} {neighbours} {[version(name) for name in LIBRARIES]} {inspect.getsource(_place)}"
    digest = hashlib.sha256(f"{result.embeddings.shape} {settings}".encode())
    for array in (result.embeddings, result.train):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:32]


def _read(path: Path, n: int) -> Points | None:
    """The kept points; None if there are none, or they are damaged."""
    try:
        points: Points = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, BadZipFile):
        return None
    return points if points.shape == (n, 2) and points.dtype == np.float32 else None


def band_occlusion(
    run: Run,
    patches: Patches,
    fill: Fill = "zero",
    features: Mapping[str, Sequence[int]] = SINGLE,
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
    whole, _ = predict(model, pixels, run.study.settings, scaler)
    drops = {}
    for name, chosen in features.items():
        occluded = pixels.clone()
        occluded[:, list(chosen)] = other[:, list(chosen)]
        drops[name] = whole - predict(model, occluded, run.study.settings, scaler)[0]
    return pd.DataFrame(drops, index=list(patches.ids))


def _filling(fill: Fill, n: int, donors: Patches, scaler: Scaler, seed: int) -> Tensor:
    """What bands are overwritten with: `(1, 12, 1, 1)`, or `(n, 12, H, W)` of donors."""
    if fill == "permuted":
        return torch.from_numpy(donors.pixels[np.random.default_rng(seed).integers(len(donors), size=n)])
    centre = torch.from_numpy(scaler.centre[: len(BANDS)])
    return (torch.zeros_like(centre) if fill == "zero" else centre).view(1, -1, 1, 1)
