"""What a network sees: maps of its embeddings (Fig. 6) and the bands that carry its decision (Fig. 7)."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from landslide_nb.data.bands import BANDS
from landslide_nb.data.patches import Patches
from landslide_nb.models.training import predict
from landslide_nb.runs import Result, Run


class Map(NamedTuple):
    """A two-dimensional map of embeddings.

    Attributes:
        points: float32 `(N, 2)`.
        boundary: an SVM fitted on the points of the training patches, for drawing only.
    """

    points: NDArray[np.float32]
    boundary: SVC


def umap_map(result: Result, labels: NDArray[np.int8], seed: int, neighbours: int = 15) -> Map:
    """A UMAP of a run's embeddings: fitted on the fold's training patches, all others placed into it.

    Args:
        result: a run.
        labels: of all patches.
        seed: of UMAP; the same seed gives the same map on the same machine.
        neighbours: UMAP's size of neighbourhood; fewer where there are fewer training patches.
    """
    from umap import UMAP  # noqa: PLC0415 - it compiles for seconds, and only this function needs it

    scaler = StandardScaler().fit(result.embeddings[result.train])
    scaled = scaler.transform(result.embeddings)
    mapper = UMAP(n_neighbors=min(neighbours, len(result.train) - 1), random_state=seed, n_jobs=1)
    mapper.fit(scaled[result.train])
    points = mapper.transform(scaled)
    points[result.train] = mapper.embedding_
    boundary = SVC(kernel="rbf", class_weight="balanced").fit(points[result.train], labels[result.train])
    return Map(points.astype(np.float32), boundary)


def band_occlusion(run: Run, patches: Patches, fill: Literal["zero", "mean"] = "zero") -> pd.DataFrame:
    """How far the probability of a landslide falls when one band is overwritten, before scaling.

    Args:
        run: a trained run.
        patches: the patches to look at; the paper takes landslides.
        fill: 0 as in the paper, or the centre of the band's scaling: its mean over the training patches (robust: median).

    Returns:
        A column for each band, a row for each patch: probability before minus probability after.
    """
    model, scaler = run.model()
    pixels = torch.from_numpy(patches.pixels)
    whole, _ = predict(model, pixels, run.study.settings, scaler)
    drops = {}
    for i, band in enumerate(BANDS):
        occluded = pixels.clone()
        occluded[:, i] = 0.0 if fill == "zero" else float(scaler.centre[i])
        drops[band.name] = whole - predict(model, occluded, run.study.settings, scaler)[0]
    return pd.DataFrame(drops, index=list(patches.ids))
