"""Chapter 07: maps of embeddings (Fig. 6), and how much of a map is its seed."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from landslide_nb.analysis.explain import Map, Points, umap_map
from landslide_nb.analysis.scores import Interval
from landslide_nb.analysis.style import CLASS_COLOURS, CLASS_MARKERS, CLASS_NAMES, GREY, Picture, panels
from landslide_nb.data.folds import Indices
from landslide_nb.runs import Result

Labels = NDArray[np.int8]
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


def over_seeds(result: Result, labels: Labels, seed: int) -> dict[int, Map]:
    """Maps of one run by `SEEDS` seeds, from `seed` on."""
    return {s: umap_map(result, labels, s) for s in range(seed, seed + SEEDS)}


def on_own_side(found: Map, labels: Labels, shown: Indices) -> NDArray[np.bool_]:
    """Whether each of the patches is on its class's side of the boundary, `(n,)`."""
    return np.asarray(found.boundary.predict(found.points[shown]) == labels[shown])


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
        found = list(over_seeds(result, labels, seed).values())
        own = np.array([on_own_side(each, labels, shown) for each in found])
        others = [found[0], *(umap_map(each, labels, seed) for each in folds[1:])]
        by_fold = [on_own_side(each, labels, unseen(r)) for each, r in zip(others, folds, strict=True)]
        whole = _in_embedding(result, labels, shown)
        near = [_neighbours(each.points[shown]) for each in found]
        hits[name] = {"in the embedding": whole.astype(float), "in the map": own.mean(0)}
        rows[name] = {title: balanced(values, labels[shown], resamples) for title, values in hits[name].items()} | {
            "over seeds": spread([balanced(each, labels[shown]).value for each in own]),
            "over folds": spread([balanced(h, labels[unseen(r)]).value for h, r in zip(by_fold, folds, strict=True)]),
            "trustworthiness": spread([_trust(result, each, shown) for each in found]),
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


def _trust(result: Result, found: Map, shown: Indices) -> float:
    scaled = StandardScaler().fit(result.embeddings[result.train]).transform(result.embeddings[shown])
    near = min(NEIGHBOURS, len(shown) // 2 - 1)
    return float(trustworthiness(scaled, found.points[shown], n_neighbors=near))


def _neighbours(points: Points) -> NDArray[np.int64]:
    near = min(NEIGHBOURS, len(points) - 1)
    return np.asarray(NearestNeighbors(n_neighbors=near).fit(points).kneighbors(return_distance=False))


def _shared(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    return float((a[:, :, None] == b[:, None]).any(2).mean())


def side_by_side(
    drawn: Mapping[str, Map], labels: Labels, shown: Indices, caption: str, name: str = "fig-umap"
) -> Picture:
    """Maps with the boundary of an SVM (Fig. 6).

    Args:
        drawn: maps by title.
        labels: of all patches.
        shown: the patches to draw.
        caption: what is mapped, with its seed, a whole sentence.
        name: of the picture.
    """
    figure, axes = panels(1, len(drawn), 7 / len(drawn), max(7 / len(drawn), 1.8))
    parts = []
    for axis, (title, found) in zip(axes[0], drawn.items(), strict=True):
        points = found.points[shown]
        _sides(axis, found, points)
        for label in (0, 1):
            chosen = points[labels[shown] == label]
            looks = {"marker": CLASS_MARKERS[label], "c": CLASS_COLOURS[label], "label": CLASS_NAMES[label]}
            axis.scatter(*chosen.T, s=60 / len(drawn), lw=0.3, edgecolors="white", **looks)
        axis.set(title=title, xticks=[], yticks=[])
        parts.append(f"{title} {balanced(on_own_side(found, labels, shown), labels[shown]).value:.0%}")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    said = f"Of {len(shown)} patches, averaged over the classes, on their class's side: {', '.join(parts)}."
    alt = f"{len(drawn)} scatter plots of embeddings in two dimensions, each with the boundary of an SVM. {said}"
    return Picture(figure, name, alt, f"{caption} Line: the SVM's boundary; its landslide side is hatched. {said}")


def grid(found: Map, points: Points, steps: int = 120) -> tuple[NDArray[np.float64], ...]:
    """The SVM's decision over the area of some points: x and y `(steps,)`, decision `(steps, steps)`."""
    margin = 0.06 * (points.max(0) - points.min(0)) + 1e-3
    low, high = points.min(0) - margin, points.max(0) + margin
    x, y = (np.linspace(a, b, steps, dtype=np.float64) for a, b in zip(low, high, strict=True))
    at = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    return x, y, np.asarray(found.boundary.decision_function(at)).reshape(steps, steps)


def lines(found: Map, points: Points) -> list[NDArray[np.float64]]:
    """The boundary in the area of some points, as lines `(n, 2)`."""
    (segments,) = panels(1, 1)[1][0, 0].contour(*grid(found, points), [0]).allsegs
    return [np.asarray(line) for line in segments]


def _sides(axis: Axes, found: Map, points: Points) -> None:
    x, y, decision = grid(found, points)
    axis.contourf(x, y, decision, [-np.inf, 0, np.inf], colors=CLASS_COLOURS, alpha=0.12, hatches=["", "///"])
    axis.contour(x, y, decision, [0], colors=[GREY], linewidths=1.5)
