"""Chapter 11: the maps, and how much ground is looked at for what is found."""

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from landslide_nb.chapters.c11.scenes import Event, Mapped
from landslide_nb.chapters.c11.tables import Ranking
from landslide_nb.display.picture import BLUE, GREEN, GREY, ORANGE, Picture, panels

COLOURS: Final = "viridis"  # even to the eye, and without colour vision
NOWHERE: Final = 0.9  # the grey of places without data
BAR_KM: Final = 2


def maps(event: Event) -> Picture:
    """The scenes, their maps, and what is new."""
    before, after = event.before, event.after
    height, width = after.image.shape[:2]
    figure, axes = panels(2, 3, 2.5, 2.5 * height / width + 0.35)
    for row, (mapped, name) in zip(axes, ((before, "before"), (after, "after")), strict=True):
        _image(row[0], mapped.image, f"scene {name}")
        shown = row[1].imshow(
            mapped.probability, cmap=COLOURS, vmin=0, vmax=1, extent=(0, width, height, 0), interpolation="nearest"
        )
        row[1].set(xticks=[], yticks=[], facecolor=(NOWHERE,) * 3)
        row[1].set_title(f"probability {name}")
    figure.colorbar(shown, ax=axes[:, 1], shrink=0.6, label="probability of a landslide")
    _new(axes[0, 2], event)
    axes[1, 2].set_axis_off()
    _bar(axes[0, 0], after)
    caption = (
        f"A {event.title} before and after the event, and what the model makes of both; orange: called a landslide after and not before."
        " Grey: no data. North is up."
    )
    called = [float(np.nanmean(each.probability >= event.threshold)) for each in (before, after)]
    alt = (
        f"Five panels of a {event.title}: the scene and the probability of a landslide, before and after an event, and the cells that are"
        f" newly called a landslide. Share of cells called: {called[0]:.1%} before, {called[1]:.1%} after."
    )
    return Picture(figure, "fig-maps", alt, caption)


def found(ranking: Ranking) -> Picture:
    """The share of annotated pixels found over the ground looked at."""
    figure, axes = panels(1, 1, 5.2, 3.3)
    axis, looked = axes[0, 0], np.append(0, ranking.looked)
    low, middle, high = np.percentile(ranking.chance, (2.5, 50, 97.5), axis=0)
    axis.fill_between(looked, np.append(0, low), np.append(0, high), color=GREY, alpha=0.25, lw=0)
    for values, colour, line, name in (
        (ranking.best, GREEN, "--", "at best"),
        (ranking.found, BLUE, "-", "in the map's order"),
        (middle, GREY, ":", "at random (band: 95 % of orders)"),
    ):
        axis.plot(looked, np.append(0, values), line, color=colour, lw=1.5, label=name)
    axis.axhline(0.5, color=GREY, lw=0.5)
    axis.set(xlabel="ground looked at, km²", ylabel="annotated pixels found", xlim=(0, looked[-1]), ylim=(0, 1.02))
    axis.legend(loc="lower right")
    ours, best, random = ranking.half
    text = f"half of them after {ours:.1f} km² in the map's order, {best:.1f} at best, {random:.1f} at random"
    caption = f"Annotated landslide pixels of the scene found over ground looked at, place by place: {text}."
    return Picture(
        figure,
        "fig-found",
        f"Rising curves of annotated pixels found over square kilometres looked at: {text}.",
        caption,
    )


def highest_before(event: Event, count: int = 6) -> Picture:
    """The places where the map before the event is surest: nothing of this event can be there."""
    chosen = _peaks(event.before.probability, count)
    figure, axes = panels(1, count, 1.35, 1.6)
    parts = []
    for axis, (row, column) in zip(axes[0], chosen, strict=False):
        _image(axis, _crop(event.before, row, column), f"{event.before.probability[row, column]:.2f}")
        parts.append(f"{event.before.probability[row, column]:.2f}")
    for axis in axes[0, len(chosen) :]:
        axis.set_axis_off()
    caption = f"Where the model is surest before the event ({event.title}), with its probabilities: false alarms, or older scars; 640 m."
    return Picture(
        figure,
        "fig-before",
        f"Small pictures of ground before the event with probabilities {', '.join(parts)}.",
        caption,
    )


def _new(axis: Axes, event: Event) -> None:
    after = event.after
    height, width = after.image.shape[:2]
    grey = np.nan_to_num(after.image.mean(2), nan=NOWHERE)
    axis.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
    new = (after.probability >= event.threshold) & (event.before.probability < event.threshold)
    axis.imshow(
        np.ma.masked_equal(new.astype(float), 0),
        cmap=ListedColormap([ORANGE]),
        alpha=0.6,
        extent=(0, width, height, 0),
        interpolation="nearest",
    )
    axis.set(xticks=[], yticks=[])
    axis.set_title("new after")


def _image(axis: Axes, image: NDArray[np.float64], title: str) -> None:
    axis.imshow(np.nan_to_num(image, nan=NOWHERE), interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.set_title(title)


def _bar(axis: Axes, mapped: Mapped) -> None:
    """A scale bar."""
    height, width = mapped.image.shape[:2]
    kilometres = mapped.probability.shape[1] * mapped.grid.metres[0] / 1000
    length = width * BAR_KM / kilometres
    x, y = 0.05 * width, 0.94 * height
    axis.plot([x, x + length], [y, y], color="black", lw=4, solid_capstyle="butt")
    axis.plot([x, x + length], [y, y], color="white", lw=2, solid_capstyle="butt")
    paper = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5}
    axis.text(x, y - 0.03 * height, f"{BAR_KM} km", fontsize=8, va="bottom", bbox=paper)


def _peaks(probability: NDArray[np.float32], count: int) -> list[tuple[int, int]]:
    """The cells of the highest probability, none within four cells of another or of the edge."""
    left, chosen = np.nan_to_num(probability, nan=-1).copy(), list[tuple[int, int]]()
    left[:2], left[-2:], left[:, :2], left[:, -2:] = -1, -1, -1, -1
    while len(chosen) < count and left.max() > 0:
        row, column = map(int, np.unravel_index(left.argmax(), left.shape))
        chosen.append((row, column))
        left[max(0, row - 4) : row + 5, max(0, column - 4) : column + 5] = -1
    return chosen


def _crop(mapped: Mapped, row: int, column: int) -> NDArray[np.float64]:
    """The picture around a cell: 640 m a side."""
    rows, columns = (size / cells for size, cells in zip(mapped.image.shape, mapped.probability.shape, strict=False))
    half = 2 * rows, 2 * columns
    top, left = int((row + 0.5) * rows - half[0]), int((column + 0.5) * columns - half[1])
    return mapped.image[max(0, top) : top + int(2 * half[0]), max(0, left) : left + int(2 * half[1])]
