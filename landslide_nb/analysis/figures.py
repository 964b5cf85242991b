"""Every picture of the book, one function each. A function draws and describes; it computes nothing of the study."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from landslide_nb.analysis.style import (
    BLUE,
    CLASS_COLOURS,
    CLASS_HATCHES,
    CLASS_NAMES,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    Picture,
    panels,
    show_image,
    true_colour,
)
from landslide_nb.analysis.tables import LONGER
from landslide_nb.augment.rows import Rows
from landslide_nb.data.bands import BAND_NAMES, BANDS

Pixels = NDArray[np.float32]


def bands(pixels: Pixels, title: str, name: str) -> Picture:
    """All 12 bands of a patch `(12, H, W)`, each on its own scale."""
    figure, axes = panels(3, 4, 1.9, 2.0)
    for axis, band, image in zip(axes.flat, BANDS, pixels, strict=True):
        signed = "Δ" in band.title
        top = float(np.abs(image).max())
        options = {"cmap": "PuOr", "vmin": -top, "vmax": top} if signed else {"cmap": "cividis"}
        show_image(axis, image, band.title, **options)
        axis.set_xlabel(f"{image.min():.0f} … {image.max():.0f} {band.unit}")
    figure.suptitle(title)
    means = ", ".join(f"{band.name} {image.mean():.0f} {band.unit}" for band, image in zip(BANDS, pixels, strict=True))
    caption = f"{title}: all 12 bands, each on its own scale; below each, its range. Changes (Δ) are centred on zero."
    return Picture(figure, name, f"Twelve images of one patch, a band each. Band means: {means}.", caption)


def class_balance(counts: Mapping[str, Sequence[int]], name: str) -> Picture:
    """Patches of each class, for one or more sets (Fig. 4b): `counts` maps a set's name to (without, with landslide)."""
    figure, axes = panels(1, 1, 5.6, 2.6)
    axis = axes[0, 0]
    for label, colour, hatch, title, shift in zip(
        (0, 1), CLASS_COLOURS, CLASS_HATCHES, CLASS_NAMES, (-0.2, 0.2), strict=True
    ):
        values = [count[label] for count in counts.values()]
        bars = axis.bar(
            np.arange(len(counts)) + shift, values, 0.4, color=colour, hatch=hatch, edgecolor="white", label=title
        )
        axis.bar_label(bars, fmt="%d", fontsize=8)
    axis.set_xticks(range(len(counts)), list(counts))
    axis.set_ylabel("patches")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    parts = [f"{title}: {c[0]} without and {c[1]} with a landslide" for title, c in counts.items()]
    return Picture(
        figure, name, f"Bars of patches per class. {'; '.join(parts)}.", f"Patches of each class. {'; '.join(parts)}."
    )


def band_distributions(table: pd.DataFrame, source: str, name: str) -> Picture:
    """The mean of each band over the patches of each class; `table` as `statistics.describe` gives it."""
    figure = boxes_of_means(
        table.assign(landslide=table["label"].map({0: "no", 1: "landslide"})).sort_values("label"), "landslide"
    )
    medians = table.groupby("label")[[f"{band.name}_mean" for band in BANDS]].median()
    shifts = [
        f"{b.name} {no:.1f} and {yes:.1f} {b.unit}" for b, (no, yes) in zip(BANDS, medians.T.to_numpy(), strict=True)
    ]
    alt = f"Box plots of patch means of 12 bands by class, {source}. Medians without and with a landslide: {'; '.join(shifts)}."
    caption = f"Patch means of each band, without and with a landslide ({source}; {len(table)} patches)."
    return Picture(figure, name, alt, caption)


def boxes_of_means(table: pd.DataFrame, across: str) -> Figure:
    """A box plot of patch means for each band, over the values of the column `across`, in the classes' colours."""
    figure, axes = panels(3, 4, 1.9, 1.8)
    palette = dict(zip((0, 1), CLASS_COLOURS, strict=True))
    looks = {"palette": palette, "legend": False, "fliersize": 1, "linewidth": 0.8}
    for axis, band in zip(axes.flat, BANDS, strict=True):
        sns.boxplot(table, x=across, y=f"{band.name}_mean", hue="label", ax=axis, **looks)
        axis.set(xlabel="", ylabel=band.unit)
        axis.set_title(band.title, fontsize=9)
    handles = [Patch(color=colour, label=name) for colour, name in zip(CLASS_COLOURS, CLASS_NAMES, strict=True)]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=9, frameon=False)
    return figure


def synthetic(pixels: Pixels, rows: Rows, chosen: Sequence[int]) -> Picture:
    """Parents and the synthetic patch between them, in true colour and in descending VV; `pixels` are all patches'."""
    figure, axes = panels(len(chosen) * 2, 3, 1.5, 1.6)
    for i, row in enumerate(chosen):
        weight = rows.weight[row]
        first, second = pixels[rows.first[row]], pixels[rows.second[row]]
        blended = weight * first + (1 - weight) * second
        titles = (f"anchor × {weight:.2f}", f"neighbour × {1 - weight:.2f}", "synthetic")
        low, high = np.percentile([first[4], second[4]], (2, 98))
        for axis, patch, title in zip(axes[2 * i], (first, second, blended), titles, strict=True):
            show_image(axis, true_colour(patch), title)
        for axis, patch in zip(axes[2 * i + 1], (first, second, blended), strict=True):
            show_image(axis, patch[4], cmap="cividis", vmin=low, vmax=high)
    weights = ", ".join(f"{rows.weight[row]:.2f}" for row in chosen)
    alt = f"{len(chosen)} synthetic patches beside their parents, in true colour and descending VV; weights of the anchors: {weights}."
    return Picture(
        figure,
        "fig-synthetic",
        alt,
        "Two parents and the patch between them: true colour above, descending VV (dB) below.",
    )


def previews(images: Mapping[str, Pixels], name: str, caption: str) -> Picture:
    """One patch after each transform: true colour above, descending VV below; images `(C, H, W)`, scaled, the first as it is."""
    figure, axes = panels(2, len(images), 1.6, 1.8)
    first, everything = next(iter(images.values())), np.stack(list(images.values()))
    low, high = np.percentile(everything, (1, 99), axis=(0, 2, 3))
    for column, (title, image) in enumerate(images.items()):
        rgb = ((image.transpose(1, 2, 0) - low) / (high - low))[..., :3]
        show_image(axes[0, column], np.clip(rgb, 0, 1), title)
        show_image(axes[1, column], image[4], cmap="cividis", vmin=low[4], vmax=high[4])
    axes[0, 0].set_ylabel("true colour")
    axes[1, 0].set_ylabel("descending VV")
    changed = [
        f"{title}: {np.abs(image[:4] - first[:4]).mean():.2f} and {np.abs(image[4:12] - first[4:12]).mean():.2f}"
        for title, image in list(images.items())[1:]
    ]
    alt = f"One patch after each transform, mean absolute change of optical and radar bands in standard deviations: {'; '.join(changed)}."
    return Picture(figure, name, alt, f"{caption} Above: true colour. Below: descending VV. Each band has one scale.")


def passes(images: Mapping[str, Pixels], seen: Sequence[bool]) -> Picture:
    """Both passes' VV of a patch `(12, H, W)`, and where the radar looks; `seen` says which of them an orbit can see."""
    figure, axes = panels(2, len(images), 2.3, 2.1)
    for column, ((title, image), possible) in enumerate(zip(images.items(), seen, strict=True)):
        for axis, band, west in zip(axes[:, column], ("DVV", "AVV"), (possible, not possible), strict=True):
            pixels = image[BAND_NAMES.index(band)]
            show_image(axis, pixels, title if band == "DVV" else "", cmap="cividis")
            middle, width = (pixels.shape[0] - 1) / 2, pixels.shape[1]
            tail, head = (0.75 * width, 0.25 * width) if west else (0.25 * width, 0.75 * width)
            arrow = {"arrowstyle": "simple,head_width=1,head_length=1,tail_width=0.35", "fc": "white", "ec": "black"}
            axis.annotate("", (head, middle), (tail, middle), arrowprops=arrow | {"mutation_scale": 14})
            verdict = f"looks {'west' if west else 'east'}" + ("" if possible else ": no orbit does")
            axis.set_xlabel(verdict, color="black" if possible else ORANGE, weight="normal" if possible else "bold")
    axes[0, 0].set_ylabel("in the descending band")
    axes[1, 0].set_ylabel("in the ascending band")
    said = "; ".join(
        f"{title}: {'as' if ok else 'not as'} an orbit sees it" for title, ok in zip(images, seen, strict=True)
    )
    caption = (
        "What the descending and the ascending VV band hold. The arrow is the radar's look, mirrored with the ground."
    )
    return Picture(figure, "fig-passes", f"VV of both passes with arrows where the radar looks. {said}.", caption)


def decibels(mixed: Pixels, in_power: Pixels, table: pd.DataFrame, weight: float) -> Picture:
    """Descending VV of one patch mixed in dB and in linear power, and what all bands differ by (`tables.decibels`)."""
    figure, axes = panels(1, 4, 2.05, 2.3, width_ratios=(1, 1, 1, 1.25))
    low, high = np.percentile(in_power[4], (2, 98))
    gap = in_power[4] - mixed[4]
    for axis, image, title in zip(axes[0], (mixed[4], in_power[4]), ("mixed in dB", "mixed in power"), strict=False):
        show_image(axis, image, title, cmap="cividis", vmin=low, vmax=high)
        axis.set_xlabel(f"mean {image.mean():.1f} dB")
    show_image(axes[0, 2], gap, "difference", cmap="cividis", vmin=0)
    axes[0, 2].set_xlabel(f"0 … {gap.max():.1f} dB")
    axis, y = axes[0, 3], np.arange(len(table))[::-1]
    error = np.array([table["mean"] - table["5 %"], table["95 %"] - table["mean"]]).clip(min=0)
    axis.errorbar(table["mean"], y, xerr=error, fmt="o", color=BLUE, capsize=2, ms=4)
    axis.axvline(0, color=GREY, lw=0.8)
    axis.set_yticks(y, list(table.index))
    axis.set(title="all samples", xlabel="power minus dB (dB)")
    text = ", ".join(f"{band} {row['mean']:+.2f}" for band, row in table.iterrows())
    caption = (
        f"Left: descending VV of two patches with λ = {weight:.2f}, and how much higher the mixture in power is. Right: the"
        " difference in each radar band, mean and 5th to 95th percentile over the pixels of all samples."
    )
    return Picture(
        figure, "fig-decibels", f"Mixup in linear power minus Mixup in decibels, mean in dB: {text}.", caption
    )


def learning_curves(histories: Mapping[str, pd.DataFrame], name: str) -> Picture:
    """Training loss and validation F1 over epochs, a line each."""
    figure, axes = panels(1, 2, 3.3, 2.6)
    styles = ("-", "--", ":", "-.")
    for i, (title, history) in enumerate(histories.items()):
        line = {"ls": styles[i % 4], "marker": MARKERS[i % len(MARKERS)], "ms": 3, "lw": 1}
        axes[0, 0].plot(history["epoch"], history["loss"], label=title, **line)
        scored = history.dropna(subset=["validation_f1"])
        axes[0, 1].plot(scored["epoch"], scored["validation_f1"], label=title, **line)
    axes[0, 0].set(xlabel="epoch", ylabel="training loss (KL)")
    axes[0, 1].set(xlabel="epoch", ylabel="validation F1")
    axes[0, 1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    text = "; ".join(
        f"{title}: loss {h['loss'].iloc[-1]:.2f}, F1 {h['validation_f1'].iloc[-1]:.2f}"
        for title, h in histories.items()
    )
    return Picture(
        figure,
        name,
        f"Loss and validation F1 over epochs. At the end: {text}.",
        "Training loss and validation F1, first fold.",
    )


def differences(table: pd.DataFrame, name: str) -> Picture:
    """Differences of F1 to the first row, ours with intervals beside the paper's.

    Args:
        table: with `ours` (Interval) and `paper`, and `tables.LONGER` where networks were trained for longer too.
        name: of the picture.
    """
    series = [("ours", "ours", "o", BLUE, 0.2), (LONGER, "ours, trained for longer", "s", GREEN, 0.0)]
    series = [each for each in series if each[0] in table]
    figure, axes = panels(1, 1, 7.0, 0.9 + 0.36 * len(table))
    axis, y = axes[0, 0], np.arange(len(table))[::-1]
    for column, label, marker, colour, shift in series:
        values = np.array([tuple(each) for each in table[column]])
        error = np.abs(values[:, 1:] - values[:, :1]).T
        axis.errorbar(values[:, 0], y + shift, xerr=error, fmt=marker, color=colour, capsize=2, ms=5, label=label)
    axis.plot(table["paper"], y - 0.2, "D", color=ORANGE, ms=4, label="paper (another data set)")
    axis.axvline(0, color=GREY, lw=0.8)
    axis.set_yticks(y, list(table.index))
    axis.set_xlabel(f"test F1 minus that of {table.index[0]}, 95 % intervals")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    shown = [(column, label) for column, label, *_ in series] + [("paper", "paper")]
    text = "; ".join(
        f"{row}: " + ", ".join(f"{label} {v[column]:+.2f}" for column, label in shown) for row, v in table.iterrows()
    )
    caption = f"What each change does to F1, against {table.index[0]}; ours and the paper's were measured on different patches."
    return Picture(figure, name, f"Differences of F1. {text}.", caption)
