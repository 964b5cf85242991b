"""Chapter 01: pictures of patches and of their statistics."""

from typing import Final

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from landslide_nb.chapters.c01 import difficulty
from landslide_nb.chapters.c01.fidelity import MEANS
from landslide_nb.common.arrays import Indices, Pixels
from landslide_nb.data.bands import Band, BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.display.picture import (
    BLUE,
    CLASS_COLOURS,
    CLASS_MARKERS,
    CLASS_NAMES,
    GREY,
    ORANGE,
    Picture,
    composite,
    panels,
    show_image,
)

MEASURES: Final = {
    "autocorrelation across 1": "correlation with the next column",
    "spectral slope": "slope of the power spectrum",
    "anisotropy": "anisotropy: coherence of gradients",
    "contrast of scars": "contrast of scars, standard deviations",
}


def bands(pixels: Pixels, of: BandSet, title: str, name: str) -> Picture:
    """All bands `of` a patch `(C, H, W)`, each on its own scale."""
    figure, axes = grid(len(of), 2.0)
    for axis, band, image in zip(axes, of.bands, pixels, strict=False):
        top = float(np.abs(image).max())
        options = {"cmap": "PuOr", "vmin": -top, "vmax": top} if band.is_change else {"cmap": "cividis"}
        show_image(axis, image, band.title, **options)
        unit = "of 255" if band.unit == "8 bit" else band.unit
        axis.set_xlabel(f"{image.min():.{_digits(band)}f} … {image.max():.{_digits(band)}f} {unit}")
    figure.suptitle(title)
    each = zip(of.bands, pixels, strict=True)
    means = ", ".join(f"{band.name} {image.mean():.{_digits(band)}f} {band.unit}" for band, image in each)
    changes = " Changes (Δ) are centred on zero." if of.change else ""
    caption = f"{title}: all {len(of)} bands, each on its own scale; below each, its range.{changes}"
    return Picture(figure, name, f"{len(of)} images of one patch, a band each. Band means: {means}.", caption)


def _digits(band: Band) -> int:
    return 2 if band.unit == "relative" else 0


def grid(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels, four in a row at most."""
    columns = min(count, 4)
    figure, axes = panels(-(-count // columns), columns, 1.9, height)
    for axis in axes.flat[count:]:
        axis.set_axis_off()
    return figure, list(axes.flat[:count])


def real_beside_simulated(real: Patches, simulated: Patches, each: int = 1) -> Picture:
    """Real patches above simulated ones, in colours and in every other band on its own scale: some with a landslide, some without."""
    of = real.data_set.bands
    others = [place for place in range(len(of)) if place not in (of.rgb or ())]
    rows = [
        (kind, name, patches.pixels[i])
        for kind, patches in (("real", real), ("simulated", simulated))
        for name, chosen in _of_each_class(patches, each)
        for i in chosen
    ]
    figure, axes = panels(len(rows), 1 + len(others), 0.95, 0.99)
    for row, (kind, name, pixels) in zip(axes, rows, strict=True):
        row[0].set_ylabel(f"{kind}\n{name}".strip(), fontsize=7.5)
        show_image(row[0], composite(pixels, of))
        for axis, image in zip(row[1:], pixels[others], strict=True):
            low, high = np.percentile(image, (2, 98))
            show_image(axis, image, cmap="gray", vmin=low, vmax=high)
    for axis, title in zip(axes[0], ("colours", *(of.names[place] for place in others)), strict=True):
        axis.set_title(title, fontsize=8)
    alt = (
        f"A grid of images: {len(rows)} patches, one a row, real above simulated, in colours and in {len(others)} other bands:"
        f" {'; '.join(f'{kind}, {name}'.rstrip(', ') for kind, name, _ in rows)}."
    )
    stretch = "each stretched to its 2nd to 98th percentile"
    caption = f"Real patches above simulated ones, in colours and in the {len(others)} other bands, {stretch}. {real.data_set.credit}."
    return Picture(figure, "fig-real-beside-simulated", alt, caption)


def _of_each_class(patches: Patches, each: int) -> list[tuple[str, Indices]]:
    """The first so many patches of each class, under its name, with a landslide first; of unlabelled ones the first of all."""
    if patches.labels is None:
        return [("", np.arange(len(patches))[:each])]
    return [(CLASS_NAMES[label], np.flatnonzero(patches.labels == label)[:each]) for label in (1, 0)]


def looks(table: pd.DataFrame) -> Picture:
    """Texture and contrast of each band: medians of simulated patches within the range of the real ones.

    Args:
        table: as `difficulty.looks` gives it.
    """
    names = list(CHALLENGE.bands.names)
    figure, axes = panels(2, 2, 3.9, 2.6)
    for axis, (measure, title) in zip(axes.flat, MEASURES.items(), strict=True):
        of = table.xs(measure, level="measure").loc[names]
        axis.vlines(names, of["real, lowest"], of["real, highest"], color=GREY, lw=6, alpha=0.35, label="real, range")
        for kind, colour, marker in (("simulated before", ORANGE, "^"), ("simulated", BLUE, "o")):
            axis.plot(names, of[f"{kind}, median"], ls="", marker=marker, ms=5, color=colour, label=f"{kind}, median")
        axis.set_title(title, fontsize=9)
        axis.tick_params(axis="x", rotation=90)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    shown = table[table.index.isin(MEASURES, level="measure")]
    alt = (
        f"Four panels, {', '.join(MEASURES.values())}, with a bar and two marks for each of {len(names)} bands. Of {len(shown)} medians of"
        f" simulated patches, {shown['within'].sum()} lie within the range of the real ones."
    )
    real = len(difficulty.asked_about_real_patches())
    caption = (
        f"Texture of each band, and how far scars stand out in it: the range of {real} real patches (grey), medians of simulated ones, now"
        f" (circles) and by the first simulator (triangles). Contrast is of outlines drawn by hand on real patches. {CHALLENGE.credit}."
    )
    return Picture(figure, "fig-looks", alt, caption)


def band_distributions(table: pd.DataFrame, of: BandSet, source: str, name: str) -> Picture:
    """The mean of each band over the patches of each class; `table` as `statistics.describe` gives it."""
    figure, axes = grid(len(of), 1.8)
    rows = table.assign(landslide=table["label"].map({0: "no", 1: "landslide"})).sort_values("label")
    palette = dict(zip((0, 1), CLASS_COLOURS, strict=True))
    looks = {"palette": palette, "legend": False, "fliersize": 1, "linewidth": 0.8}
    for axis, band in zip(axes, of.bands, strict=True):
        sns.boxplot(rows, x="landslide", y=f"{band.name}_mean", hue="label", ax=axis, **looks)
        axis.set(xlabel="", ylabel=band.unit)
        axis.set_title(band.title, fontsize=9)
    handles = [Patch(color=colour, label=name) for colour, name in zip(CLASS_COLOURS, CLASS_NAMES, strict=True)]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=9, frameon=False)
    medians = table.groupby("label")[[f"{name}_mean" for name in of.names]].median()
    each = zip(of.bands, medians.T.to_numpy(), strict=True)
    shifts = [f"{b.name} {no:.1f} and {yes:.1f} {b.unit}" for b, (no, yes) in each]
    alt = f"Box plots of patch means of {len(of)} bands by class, {source}. Medians without and with a landslide: {'; '.join(shifts)}."
    caption = f"Patch means of each band, without and with a landslide ({source}; {len(table)} patches)."
    return Picture(figure, name, alt, caption)


def beside(simulated: pd.DataFrame, real: pd.DataFrame) -> Picture:
    """How far the quartiles of each band's patch means are from those of real patches, by class."""
    figure, axes = panels(1, 1, 6.4, 3.8)
    axis, places, apart = axes[0, 0], np.arange(len(CHALLENGE.bands))[::-1], real[MEANS].std()
    gaps = []
    for label, colour, marker, shift in zip((0, 1), CLASS_COLOURS, CLASS_MARKERS, (0.15, -0.15), strict=True):
        of = [table.loc[table["label"] == label, MEANS].quantile((0.25, 0.5, 0.75)) for table in (simulated, real)]
        low, middle, high = ((of[0] - of[1]) / apart).to_numpy()
        axis.hlines(places + shift, np.minimum(low, high), np.maximum(low, high), color=colour, lw=1.2)
        axis.plot(middle, places + shift, marker, color=colour, ms=5, label=CLASS_NAMES[label])
        gaps.append(np.abs(middle))
    axis.axvline(0, color=GREY, lw=0.8)
    axis.set_yticks(places, [band.title for band in CHALLENGE.bands.bands])
    axis.set_xlabel("simulated minus real, in standard deviations of the real patches")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    largest = np.max(gaps, 0)
    alt = (
        f"Points near zero for {len(largest)} bands and two classes: medians of simulated patches differ from those of real ones by at most"
        f" {largest.max():.2f} standard deviations ({CHALLENGE.bands.bands[largest.argmax()].title})."
    )
    caption = (
        f"Patch means of each band, {len(simulated)} simulated patches against {len(real)} real ones: difference of the medians (points)"
        " and of the quartiles (ends of the lines), by class."
    )
    return Picture(figure, "fig-beside", alt, caption)


def correlations(simulated: pd.DataFrame, real: pd.DataFrame) -> Picture:
    """Rank correlations between the patch means of the bands, real and simulated."""
    figure, axes = panels(1, 2, 3.6, 3.3)
    matrices = [table[MEANS].corr(method="spearman").to_numpy() for table in (real, simulated)]
    for axis, matrix, name in zip(axes.flat, matrices, ("real", "simulated"), strict=True):
        sns.heatmap(matrix, vmin=-1, vmax=1, cmap="PuOr", square=True, cbar=name == "simulated", ax=axis)
        axis.set_title(name)
        places, names = np.arange(len(CHALLENGE.bands)) + 0.5, CHALLENGE.bands.names
        axis.set_xticks(places, names, rotation=90)
        axis.set_yticks(places, names, rotation=0)
    largest = np.abs(matrices[0] - matrices[1]).max()
    alt = f"Two heat maps of rank correlations between band means, real and simulated; no pair differs by more than {largest:.2f}."
    return Picture(
        figure, "fig-correlations", alt, "Rank correlations of patch means between bands, real and simulated."
    )
