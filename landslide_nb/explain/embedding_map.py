"""Embeddings in two dimensions by UMAP (Fig. 6)."""

import inspect
from importlib.metadata import version
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from landslide_nb.common.arrays import Indices
from landslide_nb.common.cache import kept_arrays, key_of
from landslide_nb.experiments.result import Result

Points = NDArray[np.float32]
LIBRARIES: Final = ("umap-learn", "pynndescent", "numba", "numpy", "scipy", "scikit-learn")  # of a map


class Projection(NamedTuple):
    """A two-dimensional map of embeddings.

    Attributes:
        points: float32 `(N, 2)`.
        boundary: an SVM fitted on the points of the training patches, for drawing only.
    """

    points: Points
    boundary: SVC


ONE_BY_ONE: Final = (
    2_000_000  # distances that UMAP computes in Python, one after the other: 10 s; above, it makes an index
)


def umap_map(
    result: Result, labels: NDArray[np.int8], seed: int, neighbours: int = 15, *, keep: bool = True
) -> Projection:
    """A UMAP of a run's embeddings: fitted on the fold's training patches, all others placed into it.

    Args:
        result: a run.
        labels: of all patches.
        seed: of UMAP; the same seed gives the same map on the same machine.
        neighbours: UMAP's size of neighbourhood; fewer where there are fewer training patches.
        keep: read the points from the store if they are there, and write them there if not.
    """
    neighbours = min(neighbours, len(result.train) - 1)

    def place() -> dict[str, Points]:
        return {"points": _place(result.embeddings, result.train, seed, neighbours)}

    how = {"seed": seed, "neighbours": neighbours, "libraries": {name: version(name) for name in LIBRARIES}}
    key = key_of(code=inspect.getsource(_place), embeddings=result.embeddings, train=result.train, **how)
    points = (kept_arrays("projections", key, place) if keep else place())["points"]
    boundary = SVC(kernel="rbf", class_weight="balanced").fit(points[result.train], labels[result.train])
    return Projection(points, boundary)


def _place(embeddings: NDArray[np.float32], train: Indices, seed: int, neighbours: int) -> Points:
    """The points `(N, 2)` of the embeddings; those of the training patches are UMAP's own."""
    from umap import UMAP  # noqa: PLC0415 - it compiles for seconds, and only a map that is not kept needs it

    scaled = StandardScaler().fit(embeddings[train]).transform(embeddings)
    indexed = len(train) * len(scaled) > ONE_BY_ONE
    mapper = UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1, force_approximation_algorithm=indexed)
    mapper.fit(scaled[train])
    points = mapper.transform(scaled)
    points[train] = mapper.embedding_
    return np.asarray(points, np.float32)
