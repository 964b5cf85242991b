"""Chapter 03: pictures of transforms."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from landslide_nb.common.arrays import Pixels
from landslide_nb.data.bands import BAND_NAMES
from landslide_nb.display.picture import (
    BLUE,
    GREY,
    ORANGE,
    Picture,
    panels,
    show_image,
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
