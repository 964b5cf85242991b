"""Shapes, sizes, number and contrast of real scars, and of simulated ones (`landslide_nb.simulation.scars`) beside them.

    python benchmarks/scar_shapes.py LANDSLIDE4SENSE_RGB [--output results/scar_shapes.csv]

Measured on 64×64 quadrants of Landslide4Sense (Ghorbanzadeh et al. 2022, doi 10.1109/TGRS.2022.3215209) with a landslide of at
least 1 % of the pixels: `images/image_N.png` (red, green, blue) and `masks/mask_N.png`. A scar is a connected part of the mask
with at least eight pixels; its axes are those of the ellipse with the same second moments; it is ragged as far as its border is
longer than that ellipse's. Contrast is the mean inside the mask minus the mean outside, in the quadrant's standard deviations.
Simulated masks are measured alike, where they cover as much of a patch.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_erosion, label

from landslide_nb.common.files import replacing
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.simulation.draw import simulate

SIZE: Final = CHALLENGE.patch_size
SMALLEST: Final = 8  # pixels of a scar
LEAST: Final = 0.01  # of a quadrant with a landslide
LEVELS: Final = (0.1, 0.25, 0.5, 0.75, 0.9)

Seen = tuple[NDArray[np.float64], NDArray[np.bool_]]


def simulated(count: int) -> Iterator[Seen]:
    """Likewise, simulated patches whose landslides show or not."""
    patches = simulate(count, 0, positive_rate=1, masks=True)
    assert patches.masks is not None
    for pixels, mask in zip(patches.pixels, patches.masks > 0, strict=True):
        if mask.mean() >= LEAST:
            yield np.moveaxis(pixels[:3], 0, 2).astype(np.float64), mask


def quadrants(folder: Path) -> Iterator[Seen]:
    """Red, green and blue `(H, W, 3)` and the mask `(H, W)` of each quadrant with a landslide."""
    for path in sorted((folder / "masks").glob("*.png")):
        mask = np.asarray(Image.open(path).convert("L")) > 0
        image = np.asarray(
            Image.open(folder / "images" / path.name.replace("mask", "image")).convert("RGB"), np.float64
        )
        for row in range(0, len(mask) - SIZE + 1, SIZE):
            for column in range(0, mask.shape[1] - SIZE + 1, SIZE):
                at = np.s_[row : row + SIZE, column : column + SIZE]
                if mask[at].mean() >= LEAST:
                    yield image[at], mask[at]


def shapes(mask: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Area, half axes and raggedness of each scar."""
    parts, count = label(mask, np.ones((3, 3)))
    described = []
    for part in range(1, count + 1):
        inside = parts == part
        if (area := int(inside.sum())) < SMALLEST:
            continue
        points = np.argwhere(inside).astype(np.float64)
        spread = np.linalg.eigvalsh(np.cov(points.T) + np.eye(2) / 12)
        minor, major = 2 * np.sqrt(np.maximum(spread, 1e-9))
        border = area - int(binary_erosion(inside, border_value=1).sum())
        around = np.pi * (3 * (major + minor) - np.sqrt((3 * major + minor) * (major + 3 * minor)))
        described.append(
            {"area": area, "half length": major, "elongation": major / minor, "border of ellipse's": border / around}
        )
    return described


def measured(seen: Iterator[Seen]) -> pd.DataFrame:
    """Quantiles of every measure, over scars or over quadrants."""
    scars: list[dict[str, float]] = []
    patches: list[dict[str, float]] = []
    for image, mask in seen:
        found = shapes(mask)
        scars += found
        std = np.maximum(image.std((0, 1)), 1e-9)
        contrast = (image[mask].mean(0) - image[~mask].mean(0)) / std if not mask.all() else np.full(3, np.nan)
        named = dict(zip(("red", "green", "blue"), contrast, strict=True))
        patches.append(
            {"number of scars": len(found), "share of the patch": mask.mean()}
            | {f"contrast in {name}": float(value) for name, value in named.items()}
        )
    tables = [pd.DataFrame(scars), pd.DataFrame(patches)]
    quantiles = pd.concat([table.quantile(list(LEVELS)).T.assign(count=len(table)) for table in tables])
    return quantiles.rename_axis("measure")


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description="Shapes of real scars.")
    parser.add_argument("folder", type=Path, help="with images/ and masks/")
    parser.add_argument("--patches", type=int, default=500, help="simulated ones, all with a landslide")
    parser.add_argument("--output", type=Path, default=Path("results/scar_shapes.csv"))
    given = parser.parse_args()
    kinds = {"real": quadrants(given.folder), "simulated": simulated(given.patches)}
    table = pd.concat({name: measured(seen) for name, seen in kinds.items()}, names=["scars"]).swaplevel().sort_index()
    with replacing(given.output) as temporary:
        table.round(3).to_csv(temporary)
    print(table.round(2).to_string())


if __name__ == "__main__":
    main()
