"""Chapter 03: pictures of transforms."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch

from landslide_nb.augment.physics import mirror_east_west
from landslide_nb.chapters.c03.tables import Mixtures
from landslide_nb.common.arrays import Pixels
from landslide_nb.data.bands import BandSet
from landslide_nb.display.picture import (
    BLUE,
    GREY,
    ORANGE,
    Picture,
    others,
    panels,
    show_image,
)

NO_PASSES: Final = (
    "There are no two radar passes among these bands, so nothing is exchanged: any flip is one that an orbit could see."
)
NO_RADAR: Final = "There is no radar among these bands, so nothing is in decibels: Mixup blends reflectance as it is."


def previews(images: Mapping[str, Pixels], bands: BandSet, name: str, caption: str) -> Picture:
    """One patch after each transform: red, green and blue above, another band below; images `(C, H, W)`, scaled, the first as it is."""
    (beside,) = others(bands)
    figure, axes = panels(2, len(images), 1.6, 1.8)
    first, everything = next(iter(images.values())), np.stack(list(images.values()))
    low, high = np.percentile(everything, (1, 99), axis=(0, 2, 3))
    for column, (title, image) in enumerate(images.items()):
        scaled = ((image.transpose(1, 2, 0) - low) / (high - low))[..., list(bands.rgb or (0, 0, 0))]
        show_image(axes[0, column], np.clip(scaled, 0, 1), title)
        show_image(axes[1, column], image[beside], cmap="cividis", vmin=low[beside], vmax=high[beside])
    below = bands.bands[beside].title
    axes[0, 0].set_ylabel("red, green, blue")
    axes[1, 0].set_ylabel(below)
    changed = [f"{title}: {_changes(image, first, bands)}" for title, image in list(images.items())[1:]]
    alt = f"One patch after each transform, mean absolute change of bands in standard deviations: {'; '.join(changed)}."
    return Picture(figure, name, alt, f"{caption} Above: red, green and blue. Below: {below}. Each band has one scale.")


def _changes(image: Pixels, first: Pixels, bands: BandSet) -> str:
    kinds = {"optical": bands.optical, "radar": bands.radar}
    return ", ".join(f"{of} {np.abs(image - first)[list(at)].mean():.2f}" for of, at in kinds.items() if at)


def passes(patch: Pixels, bands: BandSet) -> Picture | str:
    """Both passes' VV of a patch `(C, H, W)`, flipped without and with the passes exchanged, and where the radar looks."""
    places = bands.find("vv", "descending"), bands.find("vv", "ascending")
    if None in places or bands.other_pass is None:
        return NO_PASSES
    exchanged = mirror_east_west(torch.from_numpy(patch[None]), bands)[0].numpy()
    images = {"as it is": patch, "flipped": patch[:, :, ::-1], "flipped, passes exchanged": exchanged}
    seen = (True, False, True)  # which of them an orbit can see
    figure, axes = panels(2, len(images), 2.3, 2.1)
    for column, ((title, image), possible) in enumerate(zip(images.items(), seen, strict=True)):
        for axis, band, west in zip(axes[:, column], places, (possible, not possible), strict=True):
            pixels = image[band]
            show_image(axis, pixels, title if band == places[0] else "", cmap="cividis")
            middle, width = (pixels.shape[0] - 1) / 2, pixels.shape[1]
            tail, head = (0.75 * width, 0.25 * width) if west else (0.25 * width, 0.75 * width)
            arrow = {"arrowstyle": "simple,head_width=1,head_length=1,tail_width=0.35", "fc": "white", "ec": "black"}
            axis.annotate("", (head, middle), (tail, middle), arrowprops=arrow | {"mutation_scale": 14})
            verdict = f"looks {'west' if west else 'east'}" + ("" if possible else ": no orbit does")
            axis.set_xlabel(verdict, color="black" if possible else ORANGE, weight="normal" if possible else "bold")
    axes[0, 0].set_ylabel("in the descending band")
    axes[1, 0].set_ylabel("in the ascending band")
    sentence = "; ".join(
        f"{title}: {'as' if ok else 'not as'} an orbit sees it" for title, ok in zip(images, seen, strict=True)
    )
    caption = (
        "What the descending and the ascending VV band hold. The arrow is the radar's look, mirrored with the ground."
    )
    return Picture(figure, "fig-passes", f"VV of both passes with arrows where the radar looks. {sentence}.", caption)


def decibels(mixed: Mixtures | None) -> Picture | str:
    """VV of one patch mixed in dB and in linear power, and what all radar bands differ by; the most even mixture is shown."""
    if mixed is None:
        return NO_RADAR
    one, weight, table = int((mixed.weight - 0.5).abs().argmin()), mixed.weight, mixed.table
    in_db, in_power = (pixels[one, mixed.place].numpy() for pixels in (mixed.in_db, mixed.in_power))
    figure, axes = panels(1, 4, 2.05, 2.3, width_ratios=(1, 1, 1, 1.25))
    low, high = np.percentile(in_power, (2, 98))
    gap = in_power - in_db
    for axis, image, title in zip(axes[0], (in_db, in_power), ("mixed in dB", "mixed in power"), strict=False):
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
        f"Left: VV of two patches with λ = {float(weight[one]):.2f}, and how much higher the mixture in power is. Right: the"
        " difference in each radar band, mean and 5th to 95th percentile over the pixels of all samples."
    )
    return Picture(
        figure, "fig-decibels", f"Mixup in linear power minus Mixup in decibels, mean in dB: {text}.", caption
    )
