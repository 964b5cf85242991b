"""A quick look at a map: the scene, the probability over it, where north is, and how far a kilometre goes."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from matplotlib.axes import Axes
from numpy.typing import NDArray

from landslide_nb.common.arrays import Pixels
from landslide_nb.common.files import replacing
from landslide_nb.display.picture import panels, stretched
from landslide_nb.inference.grid import Grid
from landslide_nb.inference.scene import OpenScene

LONGEST: Final = 1200  # pixels of the longer side
COLOURS: Final = "viridis"  # even to the eye, and without colour vision
NOWHERE: Final = 0.92  # the grey of places without data
DPI: Final = 150


def write(path: Path, scene: OpenScene, stride: int, title: str, output: Path) -> None:
    """Draw a scene beside its map over it, as PNG.

    Args:
        path: of the map.
        scene: that it was made of.
        stride: pixels of a cell's side.
        title: what stands above.
        output: the file to write.

    Raises:
        DataError: if it cannot be written.
    """
    image = _scene(scene)
    with rasterio.open(path) as file:
        shrunk = min(1, LONGEST / max(file.height, file.width))
        shape = tuple(max(1, round(side * shrunk)) for side in (file.height, file.width))
        probability: Pixels = file.read(1, out_shape=shape)
        cells = (file.width, file.height)
    height, width = scene.grid.height, scene.grid.width
    across, down = scene.grid.metres if scene.grid.placed else (1.0, 1.0)
    aspect, wide = down / across, 4.2
    tall = float(np.clip(wide * aspect * height / width, 1.5, 8)) + 1
    figure, axes = panels(1, 2, wide, tall)
    for axis, name in zip(axes[0], ("scene", "probability of a landslide"), strict=True):
        axis.imshow(image, extent=(0, width, height, 0), interpolation="nearest", aspect=aspect)
        axis.set(xticks=[], yticks=[])
        axis.set_title(name)
    over = axes[0, 1].imshow(
        np.ma.masked_invalid(probability),
        extent=(0, cells[0] * stride, cells[1] * stride, 0),
        **{"cmap": COLOURS, "vmin": 0, "vmax": 1, "alpha": 0.65, "interpolation": "nearest", "aspect": aspect},
    )
    for axis in axes[0]:
        axis.set(xlim=(0, width), ylim=(height, 0))
    figure.colorbar(over, ax=axes[0, 1], label="probability", shrink=0.8)
    _scale_bar(axes[0, 0], scene.grid)
    _north(axes[0, 0], scene.grid)
    figure.suptitle(title if scene.grid.placed else f"{title} (not georeferenced)", fontsize=11)
    with replacing(output) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})


def north(grid: Grid) -> tuple[float, float]:
    """The direction of north in a picture of a grid: (columns, rows) of length 1, in the middle."""
    east, up = (each[:, 0] for each in grid.steps([grid.height / 2 - 0.5], [grid.width / 2 - 0.5]))
    there = np.linalg.solve(np.stack([east, up]), [0.0, 1.0])
    column, row = there / np.hypot(*there)
    return float(column), float(row)


def bar_length(across: float) -> float:
    """A round length, 1, 2 or 5 times a power of ten, of at most a third of what is seen."""
    power = 10.0 ** np.floor(np.log10(across / 3))
    return float(max(step * power for step in (1, 2, 5) if step * power <= across / 3))


def _scene(scene: OpenScene) -> NDArray[np.float64]:
    """Red, green and blue of the scene, or its first band in grey; light grey where there is no data."""
    pixels, missing = scene.small(scene.bands.rgb or (0, 0, 0), LONGEST)
    image = np.full((*missing.shape, 3), NOWHERE)
    if not missing.all():
        image[~missing] = stretched(pixels[:, None, ~missing])[0]
    return image


def _scale_bar(axis: Axes, grid: Grid) -> None:
    metres = grid.metres[0] if grid.placed else 1.0
    length = bar_length(grid.width * metres)
    unit = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    x, y, pixels = 0.04 * grid.width, 0.95 * grid.height, length / metres
    style: dict[str, Any] = {"color": "white", "lw": 3, "solid_capstyle": "butt"}
    axis.plot([x, x + pixels], [y, y], **style | {"color": "black", "lw": 5})
    axis.plot([x, x + pixels], [y, y], **style)
    text = unit if grid.placed else f"{length:g} pixels"
    axis.text(x, y - 0.02 * grid.height, text, va="bottom", fontsize=8, bbox=_paper())


def _north(axis: Axes, grid: Grid) -> None:
    if not grid.placed:
        return
    (column, row), length = north(grid), 0.14 * min(grid.width, grid.height)
    x, y = grid.width - 1.5 * length, 1.5 * length
    start, end = (x - column * length / 2, y - row * length / 2), (x + column * length / 2, y + row * length / 2)
    for colour, wide, head in (("white", 5, 18), ("black", 2, 14)):  # seen on any ground
        arrow = {"arrowstyle": "-|>", "lw": wide, "color": colour, "shrinkA": 0, "shrinkB": 0, "mutation_scale": head}
        axis.annotate("", xy=end, xytext=start, arrowprops=arrow)
    foot = (x - column * length * 0.75, y - row * length * 0.75)
    axis.text(*foot, "N", ha="center", va="center", fontsize=9, bbox=_paper())


def _paper() -> dict[str, Any]:
    """What makes letters readable on any ground."""
    return {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5}
