"""A scene as a map: patches cut from it, predicted row by row in bounded memory, blended where they overlap."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
import torch
from filelock import Timeout
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from landslide_nb.common.arrays import Pixels, Scores
from landslide_nb.common.errors import DataError, Stopped
from landslide_nb.common.files import replacing
from landslide_nb.common.lock import lock
from landslide_nb.common.progress import Report, counting
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.stream import ahead
from landslide_nb.inference import cog
from landslide_nb.inference.ensemble import Ensemble, Network
from landslide_nb.inference.grid import Steps
from landslide_nb.inference.layout import Layout
from landslide_nb.inference.partial import Partial
from landslide_nb.inference.predictions import BATCH
from landslide_nb.inference.scene import OpenScene
from landslide_nb.inference.scene_values import Mask
from landslide_nb.training.fold import device

TITLE: Final = "probability of a landslide"
THRESHOLD: Final = (
    "LANDSLIDE_THRESHOLD"  # the tag of a map that says from which probability on its model says "landslide"
)


class Predictor(Protocol):
    """What predicts patches: an `Ensemble`, or what does as one."""

    @property
    def data_set(self) -> DataSet:
        """What the patches are that it takes."""

    @property
    def threshold(self) -> float:
        """The probability from which a patch is called a landslide."""

    def probabilities(self, pixels: Tensor) -> Scores:
        """Each fold's probability `(N, F)` for pixels `(N, C, H, W)`."""


class Piece(NamedTuple):
    """Some patches of one row.

    Attributes:
        row: the number of their row.
        first: the place of the first of them in the row.
        pixels: float32 `(n, C, H, W)`.
        missing: `(n,)`, where a pixel of any band has no data.
    """

    row: int
    first: int
    pixels: Pixels
    missing: Mask


@contextmanager
def mapped(
    predictor: Predictor, scene: OpenScene, output: Path, plan: Layout, identity: str, report: Report
) -> Iterator[Path]:
    """Predict a scene and write its map beside `output`; it takes this name when the block ends well.

    What is predicted is kept in a file beside the output, from which the same call goes on; it goes at the end.

    Args:
        predictor: what predicts.
        scene: of its bands.
        output: the map's name.
        plan: where the patches lie, as `layout.lay_out` gives it.
        identity: a hash of what predicts.
        report: takes lines of progress.

    Raises:
        DataError: if the scene is not as it should be, has no patch without nodata, or there is no room.
        Stopped: for Ctrl-C.
    """
    key = _key(scene, plan, identity)
    path = output.with_name(f"{output.name}.{key}.partial")
    try:
        with replacing(output) as temporary, lock(f"map-{key}", timeout=0):
            with Partial(path, len(plan.across.starts)) as partial:
                _predict(predictor, scene, plan, partial, report)
                tags = {THRESHOLD: repr(float(predictor.threshold)), "LANDSLIDE_PATCH_PIXELS": str(plan.patch)}
                _write(temporary, plan, partial, tags, output)
            yield temporary
        path.unlink(missing_ok=True)
    except Timeout as error:
        raise DataError(f"another process is making {output} of the same scene; wait until it has ended") from error
    except KeyboardInterrupt:
        said = f"what is predicted is kept in {path}; the same command goes on from there"
        report(f"stopped; {said}")
        raise Stopped(said) from None


def identity_of(ensemble: Ensemble) -> str:
    """A hash of all that makes an ensemble's probabilities: members, weights, flips; and of what computes them."""
    whole = hashlib.sha256(f"{ensemble.data_set.to_json()}|{ensemble.flips}|{torch.__version__}|{device()}".encode())
    for fold in ensemble.folds:
        whole.update(repr((fold.intercept, sorted(fold.weights.items()))).encode())
        for name, member in fold.members.items():
            whole.update(name.encode())
            if not isinstance(member, Network):
                whole.update(member.text.encode())
                continue
            whole.update(f"{member.settings.model_dump_json()}|{member.flips}".encode())
            for part in (member.scaler.centre, member.scaler.scale):
                whole.update(np.ascontiguousarray(part).tobytes())
            for key, tensor in sorted(member.state.items()):
                whole.update(key.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return whole.hexdigest()


def _key(scene: OpenScene, plan: Layout, identity: str) -> str:
    """A hash of model, scene and options; of files, their place, size and time of change."""
    files = [(str(path.resolve()), *_stamp(path)) for path in scene.files]
    layers = [(str(layer.path.resolve()), layer.number) for layer in scene.layers]
    grid = [scene.grid.height, scene.grid.width, *scene.grid.transform]
    told = [identity, files, layers, grid, repr(scene.nodata), plan.patch, plan.stride]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _stamp(path: Path) -> tuple[int, int]:
    return (path.stat().st_size, path.stat().st_mtime_ns) if path.exists() else (0, 0)


def _predict(predictor: Predictor, scene: OpenScene, plan: Layout, partial: Partial, report: Report) -> None:
    """Predict the rows of patches that are not there."""
    total, wide = len(plan.down.starts), len(plan.across.starts)
    if partial.done:
        report(f"goes on after {partial.done:,} of {total:,} rows of patches, which are in {partial.path}")
    add = counting(total, "rows of patches predicted", report)
    add(partial.done)
    row = np.full(wide, np.nan, np.float32)
    for piece in ahead(_pieces(scene, plan, partial.done)):
        row[piece.first : piece.first + len(piece.pixels)] = _probabilities(predictor, piece, scene, plan)
        if piece.first + len(piece.pixels) == wide:
            partial.append(row)
            add(1)


def _pieces(scene: OpenScene, plan: Layout, done: int) -> Iterator[Piece]:
    """The patches of all rows but the first ones, at most `BATCH` at a time."""
    size, columns = plan.patch, plan.across.starts
    for row, top in enumerate(plan.down.starts[done:].tolist(), done):
        for first in range(0, len(columns), BATCH):
            starts = columns[first : first + BATCH]
            left = int(starts[0])
            pixels, missing = scene.read(top, left, size, int(starts[-1]) + size - left)
            windows = sliding_window_view(pixels, size, axis=2)[:, :, starts - left]  # (C, H, n, W)
            empty = np.array([missing[:, start : start + size].any() for start in (starts - left).tolist()])
            yield Piece(row, first, np.ascontiguousarray(windows.transpose(2, 0, 1, 3)), empty)


def _probabilities(predictor: Predictor, piece: Piece, scene: OpenScene, plan: Layout) -> Pixels:
    """The probability of each patch `(n,)`, NaN where it has pixels without data."""
    there = ~piece.missing
    told = np.full(len(there), np.nan, np.float32)
    if there.any():
        pixels = piece.pixels if there.all() else piece.pixels[there]
        told[there] = predictor.probabilities(torch.from_numpy(pixels)).mean(1)
    wrong = np.flatnonzero(there & ~np.isfinite(told))
    if wrong.size:
        top, left = plan.down.starts[piece.row], plan.across.starts[piece.first + wrong[0]]
        raise DataError(
            f"{scene.name}: the patch at row {top}, column {left} has no probability: its pixels are far from those of training,"
            " or the model's weights are not numbers"
        )
    return told


def _write(path: Path, plan: Layout, partial: Partial, tags: dict[str, str], named: Path) -> None:
    """Write the map, unless it would be empty."""
    if not any(np.isfinite(partial.row(row)).any() for row in range(partial.done)):
        partial.done = 0  # it would be found finished, and just as empty
        raise DataError(f"{named} would be empty: each patch of the scene has pixels without data; nothing was written")
    cog.write(path, plan.cells, _blended(plan, partial), TITLE, tags, named)


def _blended(plan: Layout, partial: Partial) -> Iterator[Pixels]:
    """The rows of the map: of each cell the mean over all patches that hold it whole."""
    first, end = plan.across.seen.T
    kept: dict[int, Scores] = {}
    for top, bottom in plan.down.seen.tolist():
        kept = {row: kept[row] if row in kept else _sums(partial.row(row), plan.across) for row in range(top, bottom)}
        yield (sum(kept.values()) / ((end - first) * len(kept))).astype(np.float32)


def _sums(row: Pixels, across: Steps) -> Scores:
    """Of a row of patches, the sum over those that hold each cell."""
    return np.asarray(np.add.reduceat(np.append(row.astype(np.float64), 0), across.seen.ravel())[::2])
