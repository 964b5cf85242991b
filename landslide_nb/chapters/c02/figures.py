"""Chapter 02: pictures of synthetic patches and of the leak."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.chapters.c02.oversampling import (
    blended,
    kinds_of,
)
from landslide_nb.common.arrays import Pixels
from landslide_nb.data.bands import BandSet
from landslide_nb.display.picture import (
    BLUE,
    GREY,
    ORANGE,
    Picture,
    composite,
    others,
    panels,
    show_image,
)


def optimism(table: pd.DataFrame) -> Picture:
    """Out-of-fold and hold-out F1 with SMOTE in the right and in the wrong place; `table` as `leak` gives it."""
    figure, axes = panels(1, 1, 6.2, 2.2)
    shown = table.drop(index="difference")
    columns = [name for name in ("with synthetic patches", "out-of-fold F1", "hold-out F1") if name in shown]
    for column, marker, colour, shift in zip(columns, "s^o", (GREY, ORANGE, BLUE), (0.2, 0, -0.2), strict=False):
        _line_of_points(axes[0, 0], shown[column], marker, colour, shift)
    axes[0, 0].set_yticks(range(len(shown))[::-1], list(shown.index))
    axes[0, 0].set(xlabel="F1, 95 % intervals", ylim=(-0.5, len(shown) - 0.5))
    axes[0, 0].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    text = "; ".join(
        f"SMOTE {name}: " + ", ".join(f"{c} {row[c]:.2f}" for c in columns) for name, row in shown.iterrows()
    )
    caption = "What is reported with SMOTE inside the folds and before the split, and what holds on patches that nothing has seen."
    return Picture(figure, "fig-leak", f"F1 with intervals. {text}.", caption)


def _line_of_points(axis: Axes, values: pd.Series, marker: str, colour: str, shift: float) -> None:
    value, low, high = np.array(list(values)).T
    error = np.array([value - low, high - value]).clip(min=0)
    y = np.arange(len(values))[::-1] + shift
    axis.errorbar(value, y, xerr=error, fmt=marker, color=colour, capsize=2, label=values.name)


def family(
    pixels: Pixels,
    bands: BandSet,
    near: NDArray[np.int64],
    ssim: Pixels,
    minority: NDArray[np.int64],
    rows: SampleTable,
    anchors: Sequence[int],
) -> Picture:
    """Anchors, their nearest neighbours and synthetic patches of theirs, in red, green and blue (Fig. 4a).

    Args:
        pixels: all patches, `(N, C, H, W)`.
        bands: of these pixels.
        near: neighbours of each minority patch `(M, k)`, counted among the minority.
        ssim: their similarities, `(M, k)`.
        minority: the minority's patches, `(M,)`.
        rows: synthetic rows.
        anchors: which of the minority to show.
    """
    children = [np.flatnonzero(rows.first == minority[anchor])[:3] for anchor in anchors]
    k, n = near.shape[1], min(map(len, children))
    figure, axes = panels(len(anchors), 1 + k + n, 1.15, 1.5)
    for row, anchor, blends in zip(axes, anchors, children, strict=True):
        show_image(row[0], composite(pixels[minority[anchor]], bands), "anchor")
        for axis, neighbour, value in zip(row[1:], near[anchor], ssim[anchor], strict=False):
            show_image(axis, composite(pixels[minority[neighbour]], bands), f"SSIM {value:.2f}")
        for axis, child in zip(row[1 + k :], blends, strict=False):
            patch = blended(pixels, rows.take([child]))[0]
            number = np.flatnonzero(minority[near[anchor]] == rows.second[child])[0] + 1
            show_image(axis, composite(patch, bands), f"λ {rows.weight[child]:.2f}\nneighbour {number}")
    values = ssim[list(anchors)]
    alt = (
        f"{len(anchors)} rows of patches in red, green and blue: an anchor, its {k} nearest neighbours (SSIM {values.min():.2f} to"
        f" {values.max():.2f}) and {n} synthetic patches."
    )
    caption = (
        "Left: a landslide patch. Middle: its nearest neighbours, the most similar first. Right: synthetic patches, with the"
        " anchor's weight λ and the number of the neighbour that they are blended with. Red, green and blue, each patch with"
        " its own stretch: its hues are not those of the ground."
    )
    return Picture(figure, "fig-family", alt, caption)


def noise_by_weight(table: pd.DataFrame) -> Picture:
    """The noise that synthetic patches keep, over λ, with what independent parents would leave; `table` as `noise` gives it."""
    figure, axes = panels(1, len(kinds_of(table)), 2.4, 2.5, sharex=True, sharey=True)
    weight = np.linspace(0.1, 0.9, 81)
    for axis, group in zip(axes[0], kinds_of(table), strict=True):
        axis.plot(table["weight"], table[group], "o", color=BLUE, ms=3, alpha=0.6, mew=0, label="synthetic patches")
        axis.plot(weight, weight**2 + (1 - weight) ** 2, color=ORANGE, label="λ² + (1 − λ)²")
        axis.axhline(1, color=GREY, lw=0.8)
        axis.set(title=group, xlabel="λ")
    axes[0, 0].set(ylabel="variance kept", ylim=(0, None))
    axes[0, 0].legend(loc="lower left")
    text = "; ".join(f"{group} {table[group].mean():.2f}" for group in kinds_of(table))
    caption = (
        "The variance between neighbouring pixels of each synthetic patch, over that of its parents. Blending two independent"
        " speckles averages them, as more looks of the radar would."
    )
    return Picture(figure, "fig-smote-noise", f"Variance kept over λ, falling towards λ = ½. Means: {text}.", caption)


def synthetic(pixels: Pixels, bands: BandSet, rows: SampleTable, chosen: Sequence[int]) -> Picture:
    """Parents and the synthetic patch between them, in red, green and blue and in one band beside; `pixels` are all patches'."""
    (beside,) = others(bands)
    figure, axes = panels(len(chosen) * 2, 3, 1.5, 1.6)
    for i, row in enumerate(chosen):
        weight = rows.weight[row]
        first, second = pixels[rows.first[row]], pixels[rows.second[row]]
        blended = weight * first + (1 - weight) * second
        titles = (f"anchor × {weight:.2f}", f"neighbour × {1 - weight:.2f}", "synthetic")
        low, high = np.percentile([first[beside], second[beside]], (2, 98))
        for axis, patch, title in zip(axes[2 * i], (first, second, blended), titles, strict=True):
            show_image(axis, composite(patch, bands), title)
        for axis, patch in zip(axes[2 * i + 1], (first, second, blended), strict=True):
            show_image(axis, patch[beside], cmap="cividis", vmin=low, vmax=high)
    weights = ", ".join(f"{rows.weight[row]:.2f}" for row in chosen)
    band = bands.bands[beside]
    alt = (
        f"{len(chosen)} synthetic patches beside their parents, in red, green and blue and in {band.title}; weights of the anchors:"
        f" {weights}."
    )
    return Picture(
        figure,
        "fig-synthetic",
        alt,
        f"Two parents and the patch between them: red, green and blue above, {band.title} ({band.unit}) below.",
    )
