"""Where patches are cut from a scene, and what a user has to know of it first."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from landslide_nb.common.errors import DataError
from landslide_nb.data.dataset import DataSet
from landslide_nb.inference.grid import Grid, Steps
from landslide_nb.inference.scene import OpenScene

UNLIKE: Final = 0.1  # by how much a pixel may differ from the model's before that is told


@dataclass(frozen=True)
class Layout:
    """Where the patches of a scene lie.

    Attributes:
        scene: the grid of its pixels.
        patch: pixels a side.
        stride: pixels from patch to patch, and of a cell's side.
    """

    scene: Grid
    patch: int
    stride: int

    @cached_property
    def down(self) -> Steps:
        """Along the rows of the scene."""
        return Steps(self.scene.height, self.patch, self.stride)

    @cached_property
    def across(self) -> Steps:
        """Along its columns."""
        return Steps(self.scene.width, self.patch, self.stride)

    @property
    def cells(self) -> Grid:
        """The grid of the map."""
        return self.scene.cells(self.stride)

    def summary(self) -> str:
        """What the map is, in words."""
        cells, count = self.cells, len(self.down.starts) * len(self.across.starts)
        metres = " (about {:.3g} × {:.3g} m)".format(*cells.metres) if cells.placed else ""
        size = f"{cells.height:,} × {cells.width:,} cells of {self.stride} × {self.stride} pixels{metres}"
        return f"{size}, from {count:,} patches"


def lay_out(scene: OpenScene, data_set: DataSet, stride: int | None) -> Layout:
    """Where to cut patches of a data set from a scene; by default each begins half a patch after the one before it.

    Raises:
        DataError: if the scene is smaller than a patch, or the stride larger.
    """
    size, grid = data_set.patch_size, scene.grid
    stride = max(1, size // 2) if stride is None else stride
    if not 1 <= stride <= size:
        raise DataError(f"the stride is {stride} pixels; expected from 1 to {size}, the model's patch")
    if min(grid.height, grid.width) < size:
        raise DataError(
            f"{scene.name} has {grid.height} × {grid.width} pixels, less than one patch of the model ({size} × {size});"
            " give a larger scene, or a smaller --resolution"
        )
    return Layout(grid, size, stride)


def remarks(scene: OpenScene, data_set: DataSet) -> list[str]:
    """What is unlike what the model knows, and allowed: a scene that is not georeferenced, or of other pixels."""
    if not scene.grid.placed:
        return [
            f"{scene.name} is not georeferenced: the map will have the scene's rows and columns, and no place on Earth"
        ]
    metres, expected = scene.grid.metres, data_set.pixel_metres
    if expected is None or all(abs(length / expected - 1) <= UNLIKE for length in metres):
        return []
    size = f"{metres[0]:.3g} × {metres[1]:.3g} m"
    return [
        f"a pixel of {scene.name} is {size}, the model's {expected:g} m; --resolution {expected:g} resamples the scene"
    ]
