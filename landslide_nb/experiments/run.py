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
from typing import Any, Final

import numpy as np
import pandas as pd
from safetensors.torch import load_file

from landslide_nb.common.arrays import Indices
from landslide_nb.common.cache import key_of
from landslide_nb.common.errors import DataError, RunError
from landslide_nb.common.files import replacing, set_aside
from landslide_nb.common.lock import lock
from landslide_nb.common.progress import Report
from landslide_nb.common.store import store
from landslide_nb.data.labelled import Labelled
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.data.splits import Split
from landslide_nb.experiments import archive
from landslide_nb.experiments.code import code_version
from landslide_nb.experiments.damage import DAMAGE, damaged_file
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.study import Study
from landslide_nb.experiments.written import write
from landslide_nb.models.encoders import Backbone
from landslide_nb.training.distributed import from_main, processes
from landslide_nb.training.fold import fit_fold
from landslide_nb.training.loop import build
from landslide_nb.training.settings import Settings

SPLIT: Final = ("n_test", "test_region", "split", "folds", "data_seed")  # what decides who trains
TEXTS: Final = {"bands": {"__all__": {"title"}}}  # of a band set, which no number depends on
CHOICE: Final = {"data", "simulated_patches", "edition", *SPLIT}


@dataclass(frozen=True, eq=False)
class Run:
    """One training run: a study's settings on one fold of its patches."""

    study: Study
    fold: int

    @cached_property
    def settings(self) -> Settings:
        """The study's settings, with a seed of the fold's own: so folds differ by all that chance decides, and are replicates."""
        return self.study.settings.model_copy(update={"seed": self.study.seed + self.fold})

    @cached_property
    def data(self) -> tuple[Patches, Split]:
        """The study's patches and how they are split."""
        return _data(self.study.model_dump_json(include=CHOICE))

    @cached_property
    def known(self) -> tuple[Labelled, Split]:
        """What is known of the patches besides their pixels, and how they are split."""
        return _known(self.study.model_dump_json(include=CHOICE))

    @property
    def held_out(self) -> Indices:
        """The patches that the run must not train on: its validation fold and the test part."""
        split = self.known[1]
        return np.concatenate([split.folds[self.fold][1], split.test])

    @cached_property
    def determined_by(self) -> dict[str, object]:
        """All that the run's bytes depend on."""
        return self.inputs | code_version()

    @cached_property
    def inputs(self) -> dict[str, object]:
        """All that determines the run but the code and its libraries."""
        if not 0 <= self.fold < self.study.folds:
            raise DataError(f"fold {self.fold} does not exist; there are {self.study.folds}, counted from 0")
        split = {name: getattr(self.study, name) for name in SPLIT}
        # The fingerprint does not depend on the patches' order; a run's arrays and its split do.
        known = self.known[0]
        order = hashlib.sha256("\n".join(known.ids).encode()).hexdigest()[:16]
        where = {"fold": self.fold, "fingerprint": known.fingerprint, "order": order}
        hashed = _file_hash(self.study.weights)  # where a file of weights lies does not matter
        weights = {"weights_file": hashed} | ({"weights": "a file"} if hashed else {})
        settings = self.settings.model_dump(mode="json", exclude={"data_set"})
        settings |= {"bands": self.study.data_set.bands.model_dump(mode="json", exclude=TEXTS)}
        return settings | split | where | weights

    @property
    def key(self) -> str:
        """The hash that the run is kept under."""
        return key_of(**self.determined_by)

    @property
    def published_key(self) -> str:
        """The hash that the run is published under: of its inputs; what code trained it, its record says."""
        return key_of(**self.inputs)

    @property
    def published(self) -> bool:
        """Whether the run's predictions are published."""
        return archive.holds(self.published_key)

    @property
    def folder(self) -> Path:
        """Where the run is, or will be."""
        return store() / "runs" / self.key

    @property
    def done(self) -> bool:
        """Whether the run is there, and whole."""
        return self.folder.is_dir() and damaged_file(self.folder) is None

    def fit(self, report: Report = lambda line: None) -> Result:
        """The result: of the store, or of what is published, else trained; what cannot be read is set aside and trained again.

        Raises:
            DataError: if it is neither, and only published runs can be had.
        """
        if not self.done and self.published:
            return Result.of_published(archive.read(self.published_key), archive.folder(), self._parts())
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
            fitted = fit_fold(self.settings, patches, split, self.fold, checkpoint, report)
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
        return Result(**fields, history=history, seconds=seconds, folder=self.folder, **self._parts())

    def _parts(self) -> dict[str, Any]:
        """Which patches train, validate and test, and the blocks of ground that they are of."""
        known, split = self.known
        train, validation = split.folds[self.fold]
        return {"train": train, "validation": validation, "test": split.test, "groups": known.groups}

    def model(self) -> tuple[Backbone, Scaler]:
        """The trained network (its last weights, on the CPU) and the scaling of its input."""
        self.train()
        network = build(self.settings.model_copy(update={"weights": "none"}))
        network.load_state_dict(load_file(self.folder / "last.safetensors"))
        with np.load(self.folder / "arrays.npz", allow_pickle=False) as arrays:
            return network.eval(), Scaler(arrays["centre"], arrays["scale"])


@cache
def _data(choice: str) -> tuple[Patches, Split]:
    """Patches are read and hashed once for all runs of a process."""
    study = Study.load(**json.loads(choice))
    patches = study.patches()
    return patches, study.splits(patches)


@cache
def _known(choice: str) -> tuple[Labelled, Split]:
    """The same without pixels, which published patches have not."""
    study = Study.load(**json.loads(choice))
    if not study.published:
        patches, split = _data(choice)
        return Labelled.of(patches), split
    known = study.labelled()
    return known, study.splits(known)


def _file_hash(weights: str) -> str | None:
    path = Path(weights)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else None
