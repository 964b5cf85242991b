"""Chapter 07: pictures of projections (Fig. 6)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from landslide_nb.chapters.c07.tables import balanced, on_own_side
from landslide_nb.common.arrays import Indices, Labels
from landslide_nb.display.picture import CLASS_COLOURS, CLASS_MARKERS, CLASS_NAMES, GREY, Picture, panels
from landslide_nb.explain.embedding_map import Points, Projection


def side_by_side(
    drawn: Mapping[str, Projection], labels: Labels, shown: Indices, caption: str, name: str = "fig-umap"
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
    for axis, (title, projection) in zip(axes[0], drawn.items(), strict=True):
        points = projection.points[shown]
        _sides(axis, projection, points)
        for label in (0, 1):
            chosen = points[labels[shown] == label]
            looks = {"marker": CLASS_MARKERS[label], "c": CLASS_COLOURS[label], "label": CLASS_NAMES[label]}
            axis.scatter(*chosen.T, s=60 / len(drawn), lw=0.3, edgecolors="white", **looks)
        axis.set(title=title, xticks=[], yticks=[])
        parts.append(f"{title} {balanced(on_own_side(projection, labels, shown), labels[shown]).value:.0%}")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    sentence = f"Of {len(shown)} patches, averaged over the classes, on their class's side: {', '.join(parts)}."
    alt = f"{len(drawn)} scatter plots of embeddings in two dimensions, each with the boundary of an SVM. {sentence}"
    return Picture(figure, name, alt, f"{caption} Line: the SVM's boundary; its landslide side is hatched. {sentence}")


def grid(projection: Projection, points: Points, steps: int = 120) -> tuple[NDArray[np.float64], ...]:
    """The SVM's decision over the area of some points: x and y `(steps,)`, decision `(steps, steps)`."""
    margin = 0.06 * (points.max(0) - points.min(0)) + 1e-3
    low, high = points.min(0) - margin, points.max(0) + margin
    x, y = (np.linspace(a, b, steps, dtype=np.float64) for a, b in zip(low, high, strict=True))
    at = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    return x, y, np.asarray(projection.boundary.decision_function(at)).reshape(steps, steps)


def lines(projection: Projection, points: Points) -> list[NDArray[np.float64]]:
    """The boundary in the area of some points, as lines `(n, 2)`."""
    (segments,) = panels(1, 1)[1][0, 0].contour(*grid(projection, points), [0]).allsegs
    return [np.asarray(line) for line in segments]


def _sides(axis: Axes, projection: Projection, points: Points) -> None:
    x, y, decision = grid(projection, points)
    axis.contourf(x, y, decision, [-np.inf, 0, np.inf], colors=CLASS_COLOURS, alpha=0.12, hatches=["", "///"])
    axis.contour(x, y, decision, [0], colors=[GREY], linewidths=1.5)
