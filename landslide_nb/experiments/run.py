"""Run: one training run, kept under the hash of all that determines it.

`Run(study, fold).fit()` trains once and writes atomically; afterwards it reads. Two processes that ask for the same run
train it once. An interrupted run goes on from its last epoch. The processes of an `accelerate launch` train each run together:
the main one locks, decides and writes, the others follow.
"""

import hashlib
import json
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy.special import expit

from landslide_nb.common.arrays import Indices, Scores
from landslide_nb.common.cache import key_of
from landslide_nb.common.errors import DataError, RunError
from landslide_nb.common.files import replacing, set_aside
from landslide_nb.common.lock import lock
from landslide_nb.common.progress import Report
from landslide_nb.common.store import store
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.data.splits import Split
from landslide_nb.experiments.code import code_version
from landslide_nb.experiments.damage import DAMAGE, damaged_file
from landslide_nb.experiments.study import Study
from landslide_nb.experiments.written import write
from landslide_nb.models.encoders import Backbone
from landslide_nb.training.distributed import from_main, processes
from landslide_nb.training.fold import fit_fold
from landslide_nb.training.loop import build

SPLIT: Final = ("n_test", "test_region", "split", "folds", "data_seed")  # what decides who trains
TEXTS: Final = {"bands": {"__all__": {"title"}}}  # of a band set, which no number depends on
CHOICE: Final = {"data", "simulated_patches", "edition", *SPLIT}


@dataclass(frozen=True, eq=False)
class Result:
    """What a run has come to. N is the number of all labelled patches.

    Attributes:
        log_odds: float32 `(N,)` of a landslide, by the last weights; the fold's validation patches may be scored by these.
        best_log_odds: float32 `(N,)` by the weights of the best validation F1; for the hold-out test only.
        embeddings: float32 `(N, D)` by the last weights.
        first, second, weight: the training table.
        history: one row an epoch.
        seconds: of training and prediction.
        train: indices of the fold's training patches.
        validation: of its validation patches.
        test: of the hold-out test patches.
        folder: where it is kept.
    """

    log_odds: NDArray[np.float32]
    best_log_odds: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weight: NDArray[np.float32]
    history: pd.DataFrame
    seconds: float
    train: Indices
    validation: Indices
    test: Indices
    folder: Path

    @property
    def probabilities(self) -> Scores:
        """Of a landslide, `(N,)`, by the last weights."""
        return np.asarray(expit(self.log_odds.astype(np.float64)))

    @property
    def best_probabilities(self) -> Scores:
        """Of a landslide, `(N,)`, by the weights of the best validation F1."""
        return np.asarray(expit(self.best_log_odds.astype(np.float64)))


@dataclass(frozen=True, eq=False)
class Run:
    """One training run: a study's settings on one fold of its patches."""

    study: Study
    fold: int

    @cached_property
    def data(self) -> tuple[Patches, Split]:
        """The study's patches and how they are split."""
        return _data(self.study.model_dump_json(include=CHOICE))

    @property
    def held_out(self) -> Indices:
        """The patches that the run must not train on: its validation fold and the test part."""
        split = self.data[1]
        return np.concatenate([split.folds[self.fold][1], split.test])

    @cached_property
    def determined_by(self) -> dict[str, object]:
        """All that the run's bytes depend on."""
        if not 0 <= self.fold < self.study.folds:
            raise DataError(f"fold {self.fold} does not exist; there are {self.study.folds}, counted from 0")
        split = {name: getattr(self.study, name) for name in SPLIT}
        # The fingerprint does not depend on the patches' order; a run's arrays and its split do.
        order = hashlib.sha256("\n".join(self.data[0].ids).encode()).hexdigest()[:16]
        where = {"fold": self.fold, "fingerprint": self.data[0].fingerprint, "order": order}
        hashed = _file_hash(self.study.weights)  # where a file of weights lies does not matter
        weights = {"weights_file": hashed} | ({"weights": "a file"} if hashed else {})
        settings = self.study.settings.model_dump(mode="json", exclude={"data_set"})
        settings |= {"bands": self.study.data_set.bands.model_dump(mode="json", exclude=TEXTS)}
        return settings | split | where | weights | code_version()

    @property
    def key(self) -> str:
        """The hash that the run is kept under."""
        return key_of(**self.determined_by)

    @property
    def folder(self) -> Path:
        """Where the run is, or will be."""
        return store() / "runs" / self.key

    @property
    def done(self) -> bool:
        """Whether the run is there, and whole."""
        return self.folder.is_dir() and damaged_file(self.folder) is None

    def fit(self, report: Report = lambda line: None) -> Result:
        """Train if that has not been done, and read the result; what cannot be read is set aside and trained again."""
        self.train(report)
        with suppress(*DAMAGE):
            return self._read()
        if processes().is_main_process:
            with lock(self.key):
                self._set_aside(damaged_file(self.folder, whole=True), report)
        self.train(report)
        return self._read()

    def train(self, report: Report = lambda line: None) -> None:
        """Train if that has not been done."""
        if not self._is_done():
            main = processes().is_main_process
            with lock(self.key) if main else nullcontext():
                if not self._is_done():
                    if main:
                        self._set_aside(damaged_file(self.folder), report)
                    self._fit(report)
            processes().wait_for_everyone()  # until it is written

    def _set_aside(self, damaged: str | None, report: Report) -> None:
        """Rename the folder if a file of it is damaged; another process may have done so before, and trained again."""
        if self.folder.is_dir() and damaged:
            aside = set_aside(self.folder)
            report(f"{self.folder / damaged} is damaged; set aside in {aside.name}, the run is trained again")

    def _is_done(self) -> bool:
        return from_main(lambda: self.done)

    @property
    def record(self) -> dict[str, object]:
        """What a run says of itself: all that determines it, its data set and weights by name, and who asked for it."""
        names = {"data_set": self.study.data_set.model_dump(mode="json"), "weights": self.study.weights}
        return self.determined_by | names | {"edition": self.study.edition, "processes": processes().num_processes}

    def _fit(self, report: Report) -> None:
        patches, split = self.data
        begun, checkpoint = (self.folder.with_suffix(suffix) for suffix in (".begun", ".checkpoint"))
        started = time.perf_counter()
        if processes().is_main_process:  # what an interrupted run says of itself
            with replacing(begun) as temporary:
                temporary.write_text(json.dumps(self.record, indent=1, sort_keys=True), "utf-8")
        try:
            fitted = fit_fold(self.study.settings, patches, split, self.fold, checkpoint, report)
        except (DataError, RunError) as error:
            if isinstance(error, RunError) or not checkpoint.is_file():  # it would come to the same, or begin anew
                self._remove_begun()
            if isinstance(error, RunError) and (usual := self._usual_rate()):
                raise RunError(f"{error}; {usual}") from error
            raise
        if not processes().is_main_process:
            return
        write(self.folder, fitted, self.record | {"run_seconds": time.perf_counter() - started})
        self._remove_begun()

    def _usual_rate(self) -> str:
        """What the edition sets, where a training with a higher learning rate has diverged; else nothing."""
        usual = Study.load(self.study.edition).learning_rate
        return f"the {self.study.edition} edition has {usual:g}" if usual < self.study.learning_rate else ""

    def _remove_begun(self) -> None:
        """Remove what a run that has ended has no use for any more; half-written files have a dot."""
        begun, checkpoint = (self.folder.with_suffix(suffix) for suffix in (".begun", ".checkpoint"))
        if processes().is_main_process:
            half = (path for whole in (begun, checkpoint) for path in whole.parent.glob(f".*.{whole.name}"))
            for left in (begun, checkpoint, *half):
                left.unlink(missing_ok=True)

    def _read(self) -> Result:
        with np.load(self.folder / "arrays.npz", allow_pickle=False) as arrays:
            fields = {name: arrays[name] for name in arrays.files if name not in ("centre", "scale")}
        history = pd.read_csv(self.folder / "history.csv")
        seconds = json.loads((self.folder / "run.json").read_text("utf-8"))["run_seconds"]
        split = self.data[1]
        train, validation = split.folds[self.fold]
        return Result(
            **fields,
            history=history,
            seconds=seconds,
            train=train,
            validation=validation,
            test=split.test,
            folder=self.folder,
        )

    def model(self) -> tuple[Backbone, Scaler]:
        """The trained network (its last weights, on the CPU) and the scaling of its input."""
        self.fit()
        network = build(self.study.settings.model_copy(update={"weights": "none"}))
        network.load_state_dict(load_file(self.folder / "last.safetensors"))
        with np.load(self.folder / "arrays.npz", allow_pickle=False) as arrays:
            return network.eval(), Scaler(arrays["centre"], arrays["scale"])


@cache
def _data(choice: str) -> tuple[Patches, Split]:
    """Patches are read and hashed once for all runs of a process."""
    study = Study.load(**json.loads(choice))
    patches = study.patches()
    return patches, study.splits(patches)


def _file_hash(weights: str) -> str | None:
    path = Path(weights)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else None
