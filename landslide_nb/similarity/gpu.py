"""SSIM over all windows by torch: what `ssim_exact` does, on a GPU."""

from collections.abc import Iterator

import numpy as np
import torch

from landslide_nb.common.progress import Report, counting
from landslide_nb.similarity.exact import LARGE, Tile, in_blocks
from landslide_nb.similarity.kernels import AREA, WINDOW, Bands, Floats

Side = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def torch_tiles(pixels: Floats, bands: Bands, device: str, report: Report | None = None) -> Iterator[Tile]:
    """The similarities of all pairs, tile by tile of the upper triangle."""
    n = len(pixels)
    add = counting(n * (n - 1) // 2, "SSIM, pairs", report)
    blocks = in_blocks(np.arange(n), pixels.shape, LARGE)
    for first, rows in enumerate(blocks):
        for columns in blocks[first:]:
            values = _tile(pixels[rows], pixels[columns], bands, device)
            add(len(rows) * (len(rows) - 1) // 2 if columns is rows else values.size)
            yield rows, columns, values


def _tile(left: Floats, right: Floats, bands: Bands, device: str) -> Floats:
    """The similarities of two blocks of patches: a matrix product of centred windows for each place, a row of places at a time."""

    def side(pixels: Floats, band: int, row: int) -> Side:
        strip = (pixels[:, band, row : row + WINDOW] - bands.centre[band]) * bands.scale[band]
        windows = torch.from_numpy(strip.astype(np.float32)).to(device).unfold(2, WINDOW, 1)
        windows = windows.permute(2, 0, 1, 3).flatten(2)  # (places, n, 49)
        means = windows.mean(2, keepdim=True)
        windows = windows - means
        variances = windows.square().sum(2, keepdim=True) / (AREA - 1)
        return windows, means + bands.centre[band] * bands.scale[band], variances

    places = (left.shape[2] - WINDOW + 1) * (left.shape[3] - WINDOW + 1)
    total = torch.zeros(len(left), len(right), dtype=torch.float64, device=device)
    for band, (c1, c2) in enumerate(zip(bands.c1.tolist(), bands.c2.tolist(), strict=True)):
        for row in range(left.shape[2] - WINDOW + 1):
            (x, a, v), (y, b, w) = side(left, band, row), side(right, band, row)
            b, w = b.mT, w.mT
            level, gap = a * a + b * b + c1, (a - b).square()
            index = (level - gap) * (x @ y.mT * (2 / (AREA - 1)) + c2) / (level * (v + w + c2))
            total += index.sum(0)
    similarities: Floats = (total / (places * len(bands.c1))).float().cpu().numpy()
    return similarities
