"""Predicting any number of patches in bounded memory, and writing what was said."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from landslide_nb.common.arrays import Scores
from landslide_nb.common.errors import DataError, ModelError
from landslide_nb.common.files import replacing
from landslide_nb.common.progress import Report, counting
from landslide_nb.common.store import store
from landslide_nb.data.sources.options import without_data
from landslide_nb.data.sources.zindi import write_csv
from landslide_nb.data.stream import Batch, Stream, ahead
from landslide_nb.inference import bundle
from landslide_nb.inference.ensemble import Ensemble

BATCH: Final = 64  # as `training.predict` has it: of larger ones a CPU's caches hold less


@dataclass(frozen=True, eq=False)
class Predictions:
    """What an ensemble says of patches.

    Attributes:
        rows: ids, in the order and as often as the source lists them, without those left out.
        folds: `(N, F)`, the probability by each fold.
        left_out: a sentence on each patch that could not be predicted, and one on those that have no data somewhere.
    """

    rows: tuple[str, ...]
    folds: Scores
    left_out: tuple[str, ...] = ()

    @property
    def probability(self) -> Scores:
        """Probabilities `(N,)`: the mean over folds."""
        return np.asarray(self.folds.mean(1))

    def labels(self, threshold: float) -> list[str]:
        """`1` where the probability reaches the threshold, else `0`."""
        return [str(int(positive)) for positive in self.probability >= threshold]

    def write(self, path: Path, threshold: float) -> None:
        """Write `ID,label` as the challenge's SampleSubmission.csv has it, whole or not at all."""
        with replacing(path) as temporary:
            write_csv(temporary, {"ID": self.rows, "label": self.labels(threshold)})

    def write_probabilities(self, path: Path) -> None:
        """Write `ID,probability,low,high`: the mean over folds, and the lowest and the highest of the folds."""
        columns = {"probability": self.probability, "low": self.folds.min(1), "high": self.folds.max(1)}
        texts = {name: tuple(f"{p:.8f}" for p in values) for name, values in columns.items()}
        with replacing(path) as temporary:
            write_csv(temporary, {"ID": self.rows, **texts})

    def summary(self, threshold: float) -> str:
        """What was predicted, in a sentence, and each patch that was left out in one more."""
        share = (self.probability >= threshold).mean()
        text = f"{len(self.rows)} rows, {share:.1%} of them said to hold a landslide (probability at least {threshold:.3f})"
        return "\n".join([text, *(f"left out: {fault}" for fault in self.left_out)])


def load(models: Sequence[str], report: Report) -> Ensemble:
    """The ensemble that is meant: one exported folder, or runs by their folder or their key in the store, which become its folds.

    Raises:
        ModelError: if one is neither, if both kinds are given, or several exported ones.
    """
    named = folders(models)
    exports = [folder for folder in named if (folder / bundle.MAIN).is_file()]
    if len(exports) == len(named) == 1:
        return bundle.read(named[0])
    if exports:
        raise ModelError(
            f"{exports[0]} is an exported ensemble, whose weights and threshold are its own; give it alone, or runs only"
        )
    ensemble = bundle.of_runs(named)
    report(
        f"{len(named)} {'runs' if len(named) > 1 else 'run'}; nobody chose a threshold for them, it is 0.5 unless one is given"
    )
    return ensemble


def folders(models: Sequence[str]) -> list[Path]:
    """The folder of each model.

    Raises:
        ModelError: if there is none.
    """
    return [_folder(model) for model in models]


def _folder(model: str) -> Path:
    for folder in (Path(model), store() / "runs" / model):
        if (folder / bundle.MAIN).is_file() or (folder / "run.json").is_file():
            return folder
    raise ModelError(
        f"{model} is neither a folder that `landslide-nb export` wrote nor a run in {store()}; `landslide-nb runs` lists those"
    )


def predict(ensemble: Ensemble, stream: Stream, skip_bad: bool = False, report: Report | None = None) -> Predictions:
    """Predict all patches of a stream; one batch is read while the one before it is predicted.

    Args:
        ensemble: what predicts.
        stream: as `stream.find` gives it.
        skip_bad: leave out a patch that is not as it should be; without it the first such patch ends all.
        report: takes a line of progress after each tenth.

    Raises:
        DataError: naming the first patch that is not as it should be, or has no probability, or where all are so.
    """
    add = counting(len(stream.ids), "predicted", report)
    ids: list[str] = []
    probabilities: list[Scores] = []
    left_out: list[str] = []
    empty = 0
    for batch in ahead(stream.batches(BATCH)):
        _check(batch.faults.values(), skip_bad)
        names, told, faults = _told(ensemble, batch)
        _check(faults, skip_bad)
        ids += names
        probabilities.append(told)
        left_out += [*batch.faults.values(), *faults]
        empty += len(batch.nodata)
        add(len(batch.ids))
    left_out += [without_data(empty, stream.nodata).removeprefix("left out: ")] if empty else []
    if not ids:
        raise DataError(
            f"no patch could be predicted; the first fault: {left_out[0] if left_out else 'there are none'}"
        )
    place = {name: number for number, name in enumerate(ids)}
    rows = tuple(name for name in stream.rows if name in place)
    return Predictions(rows, np.concatenate(probabilities)[[place[name] for name in rows]], tuple(left_out))


def _told(ensemble: Ensemble, batch: Batch) -> tuple[list[str], Scores, list[str]]:
    """Ids and probabilities of those patches of a batch that have some, and a sentence on each that was predicted and has none."""
    whole = [place for place in range(len(batch.ids)) if place not in batch.faults.keys() | batch.nodata]
    if not whole:
        return [], np.empty((0, len(ensemble.folds))), []
    pixels = batch.pixels if len(whole) == len(batch.ids) else batch.pixels[whole]
    probabilities = ensemble.probabilities(torch.from_numpy(pixels))
    finite = np.asarray(np.isfinite(probabilities).all(1))
    names = [batch.ids[place] for place in whole]
    faults = [
        f"patch {name} has no probability: pixels of it are far from those of training, or the model's weights are not numbers"
        for name, there in zip(names, finite, strict=True)
        if not there
    ]
    return [name for name, there in zip(names, finite, strict=True) if there], probabilities[finite], faults


def _check(faults: Iterable[str], skip_bad: bool) -> None:
    """Raise for the first fault unless such patches are left out."""
    first = next(iter(faults), None)
    if first is not None and not skip_bad:
        raise DataError(f"{first}; nothing was written (--skip-bad leaves such patches out)")
