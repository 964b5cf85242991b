"""Chapter 07: how far classes come apart in embeddings and their projections, and how much of it is the seed."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from landslide_nb.common.arrays import Indices, Labels
from landslide_nb.experiments.result import Result
from landslide_nb.explain.embedding_map import Points, Projection, umap_map
from landslide_nb.metrics.bootstrap import Interval

SEEDS: Final = 5
NEIGHBOURS: Final = 10  # of a patch, where maps are compared


class Range(Interval):
    """A mean with its lowest and highest value: over seeds, pairs of seeds or folds."""

    def __format__(self, spec: str) -> str:
        """As `0.812 (0.790 … 0.834)`."""
        spec = spec or ".3f"
        return f"{self.value:{spec}} ({self.low:{spec}} … {self.high:{spec}})"


def spread(values: Sequence[float]) -> Range:
    """The mean of some values, and how far they reach."""
    return Range(float(np.mean(values)), float(np.min(values)), float(np.max(values)))


def unseen(result: Result) -> Indices:
    """The patches to draw: those that the network has not trained on, the hold-out where there is one."""
    return result.test if len(result.test) else result.validation


def over_seeds(result: Result, labels: Labels, seed: int) -> dict[int, Projection]:
    """Maps of one run by `SEEDS` seeds, from `seed` on."""
    return {s: umap_map(result, labels, s) for s in range(seed, seed + SEEDS)}


def on_own_side(projection: Projection, labels: Labels, shown: Indices) -> NDArray[np.bool_]:
    """Whether each of the patches is on its class's side of the boundary, `(n,)`."""
    return np.asarray(projection.boundary.predict(projection.points[shown]) == labels[shown])


def balanced(
    values: NDArray[np.floating] | NDArray[np.bool_], labels: Labels, resamples: int = 0, seed: int = 0
) -> Interval:
    """The mean of each class's mean, with its interval over patches; both classes keep their sizes.

    Args:
        values: `(n,)`.
        labels: `(n,)`, with both classes.
        resamples: of the bootstrap; 0 for no interval.
        seed: of the resampling: the same patches are drawn for equal labels.
    """
    rng = np.random.default_rng(seed)
    classes = [values[labels == value] for value in (0, 1)]
    drawn = [part[rng.integers(len(part), size=(resamples, len(part)))].mean(1) for part in classes]
    mean = float(np.mean([part.mean() for part in classes]))
    return (
        Interval(mean, *map(float, np.percentile(np.mean(drawn, axis=0), (2.5, 97.5))))
        if resamples
        else Interval(mean, mean, mean)
    )


def stability(results: Mapping[str, Sequence[Result]], labels: Labels, seed: int, resamples: int) -> pd.DataFrame:
    """How well unseen patches of the classes come apart, in the embedding and in its maps, and how maps differ by seed.

    Args:
        results: of each network, fold by fold; over seeds, the first fold is mapped. All have the same split.
        labels: of all patches.
        seed: the first of `SEEDS`.
        resamples: of the intervals over patches.

    Returns:
        A row for each network: the share of unseen patches on their class's side of an SVM's boundary, averaged over the
        classes, in the embedding itself and over seeds in its maps (intervals over patches; ranges over seeds and folds);
        trustworthiness, which falls where a map makes neighbours of what is apart (range over seeds); the share of a
        patch's `NEIGHBOURS` nearest unseen ones that two seeds agree on (range over pairs of seeds), and by chance. A last row
        is the difference of the last network to the first, on the same patches.
    """
    rows, hits = {}, {}
    for name, folds in results.items():
        result, shown = folds[0], unseen(folds[0])
        projections = list(over_seeds(result, labels, seed).values())
        own = np.array([on_own_side(each, labels, shown) for each in projections])
        others = [projections[0], *(umap_map(each, labels, seed) for each in folds[1:])]
        by_fold = [on_own_side(each, labels, unseen(r)) for each, r in zip(others, folds, strict=True)]
        whole = _in_embedding(result, labels, shown)
        near = [_neighbours(each.points[shown]) for each in projections]
        hits[name] = {"in the embedding": whole.astype(float), "in the map": own.mean(0)}
        rows[name] = {title: balanced(values, labels[shown], resamples) for title, values in hits[name].items()} | {
            "over seeds": spread([balanced(each, labels[shown]).value for each in own]),
            "over folds": spread([balanced(h, labels[unseen(r)]).value for h, r in zip(by_fold, folds, strict=True)]),
            "trustworthiness": spread([_trust(result, each, shown) for each in projections]),
            "neighbours that seeds share": spread([_shared(a, b) for a, b in combinations(near, 2)]),
            "by chance": near[0].shape[1] / (len(shown) - 1),
        }
    first, *_, last = hits
    rows[f"{last} minus {first}"] = {
        title: balanced(hits[last][title] - hits[first][title], labels[shown], resamples) for title in hits[first]
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("share on own side")


def _in_embedding(result: Result, labels: Labels, shown: Indices) -> NDArray[np.bool_]:
    """As `on_own_side`, by an SVM that sees all dimensions: what a map could keep."""
    svm = make_pipeline(StandardScaler(), SVC(kernel="rbf", class_weight="balanced"))
    svm.fit(result.embeddings[result.train], labels[result.train])
    return np.asarray(svm.predict(result.embeddings[shown]) == labels[shown])


def _trust(result: Result, projection: Projection, shown: Indices) -> float:
    scaled = StandardScaler().fit(result.embeddings[result.train]).transform(result.embeddings[shown])
    near = min(NEIGHBOURS, len(shown) // 2 - 1)
    return float(trustworthiness(scaled, projection.points[shown], n_neighbors=near))


def _neighbours(points: Points) -> NDArray[np.int64]:
    near = min(NEIGHBOURS, len(points) - 1)
    return np.asarray(NearestNeighbors(n_neighbors=near).fit(points).kneighbors(return_distance=False))


def _shared(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    return float((a[:, :, None] == b[:, None]).any(2).mean())
