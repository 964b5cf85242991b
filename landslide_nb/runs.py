"""Run: one training run, kept under the hash of all that determines it.

`Run(study, fold).fit()` trains once and writes atomically; afterwards it reads. Two processes that ask for the same run
train it once. An interrupted run goes on from its last epoch. The processes of an `accelerate launch` train each run together:
the main one locks, decides and writes, the others follow.
"""

import ast
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from landslide_nb.data.folds import Indices, Split
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.errors import DataError
from landslide_nb.models.backbones import AnyBackbone
from landslide_nb.models.fold import Fitted, fit_fold
from landslide_nb.models.processes import from_main, processes
from landslide_nb.models.training import build
from landslide_nb.store import locked, store
from landslide_nb.study import Study

# The code that a run's numbers come from: a change here makes new runs, a changed figure does not.
CODE = (
    *("data/bands.py", "data/channels.py", "data/scaling.py", "data/folds.py", "augment"),
    *(
        "models/backbones.py",
        "models/encoders.py",
        "models/late_fusion.py",
        "models/pretrained.py",
        "models/settings.py",
        "models/processes.py",
        "models/training.py",
        "models/fold.py",
    ),
)
LIBRARIES = ("numpy", "scikit-learn", "torch", "accelerate", "timm", "kornia", "segmentation-models-pytorch")


@dataclass(frozen=True, eq=False)
class Result:
    """What a run has come to. N is the number of all labelled patches.

    Attributes:
        probabilities: float32 `(N,)` by the last weights; the fold's validation patches may be scored by these.
        best_probabilities: float32 `(N,)` by the weights of the best validation F1; for the hold-out test only.
        embeddings: float32 `(N, D)` by the last weights.
        first, second, weight: the training table.
        history: one row an epoch.
        seconds: of training and prediction.
        train: indices of the fold's training patches.
        validation: of its validation patches.
        test: of the hold-out test patches.
        folder: where it is kept.
    """

    probabilities: NDArray[np.float32]
    best_probabilities: NDArray[np.float32]
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


@dataclass(frozen=True, eq=False)
class Run:
    """One training run: a study's settings on one fold of its patches."""

    study: Study
    fold: int

    @cached_property
    def data(self) -> tuple[Patches, Split]:
        """The study's patches and how they are split."""
        return _data(
            self.study.model_dump_json(include={"data", "simulated_patches", "n_test", "folds", "data_seed", "edition"})
        )

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
        split = {name: getattr(self.study, name) for name in ("n_test", "folds", "data_seed")}
        # The fingerprint does not depend on the patches' order; a run's arrays and its split do.
        order = hashlib.sha256("\n".join(self.data[0].ids).encode()).hexdigest()[:16]
        where = {"fold": self.fold, "fingerprint": self.data[0].fingerprint, "order": order}
        weights = {"weights_file": _file_hash(self.study.weights)}
        return self.study.settings.model_dump() | split | where | weights | code_version()

    @property
    def key(self) -> str:
        """The hash that the run is kept under."""
        return hashlib.sha256(json.dumps(self.determined_by, sort_keys=True).encode()).hexdigest()[:20]

    @property
    def folder(self) -> Path:
        """Where the run is, or will be."""
        return store() / "runs" / self.key

    @property
    def done(self) -> bool:
        """Whether the run is there."""
        return self.folder.is_dir()

    def fit(self, report: Callable[[str], None] = lambda line: None) -> Result:
        """Train if that has not been done, and read the result."""
        if not self._is_done():
            main = processes().is_main_process
            with locked(self.folder.with_suffix(".lock"), self.record) if main else nullcontext():
                if not self._is_done():
                    self._fit(report)
            processes().wait_for_everyone()  # until it is written
        return self._read()

    def _is_done(self) -> bool:
        return from_main(lambda: self.done)

    @property
    def record(self) -> dict[str, object]:
        """What a run says of itself: all that determines it, and who asked for it."""
        return self.determined_by | {"edition": self.study.edition, "processes": processes().num_processes}

    def _fit(self, report: Callable[[str], None]) -> None:
        patches, split = self.data
        checkpoint = self.folder.with_suffix(".checkpoint")
        started = time.perf_counter()
        fitted = fit_fold(self.study.settings, patches, split, self.fold, checkpoint, report)
        if not processes().is_main_process:
            return
        temporary = self.folder.with_suffix(".tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        _write(temporary, fitted)
        record = self.record | {"run_seconds": time.perf_counter() - started}
        (temporary / "run.json").write_text(json.dumps(record, indent=1, sort_keys=True))
        for path in temporary.iterdir():  # a power cut must not leave a whole folder of empty files
            with path.open("rb") as file:
                os.fsync(file.fileno())
        temporary.rename(self.folder)
        for left in (checkpoint, *checkpoint.parent.glob(f".*.{checkpoint.name}")):  # half-written ones have a dot
            left.unlink(missing_ok=True)

    def _read(self) -> Result:
        with np.load(self.folder / "arrays.npz", allow_pickle=False) as arrays:
            kept = {name: arrays[name] for name in arrays.files if name not in ("centre", "scale")}
        history = pd.read_csv(self.folder / "history.csv")
        seconds = json.loads((self.folder / "run.json").read_text())["run_seconds"]
        split = self.data[1]
        train, validation = split.folds[self.fold]
        return Result(
            **kept,
            history=history,
            seconds=seconds,
            train=train,
            validation=validation,
            test=split.test,
            folder=self.folder,
        )

    def model(self) -> tuple[AnyBackbone, Scaler]:
        """The trained network (its last weights, on the CPU) and the scaling of its input."""
        self.fit()
        network = build(self.study.settings.model_copy(update={"weights": "none"}))
        network.load_state_dict(load_file(self.folder / "last.safetensors"))
        with np.load(self.folder / "arrays.npz", allow_pickle=False) as arrays:
            return network.eval(), Scaler(arrays["centre"], arrays["scale"])


def fit(studies: Mapping[str, Study], report: Callable[[str], None] = print) -> dict[str, list[Result]]:
    """The results of each study, fold by fold; what is missing is trained first, side by side on a CPU's cores.

    Args:
        studies: by name.
        report: is told of each run that is done; each epoch is printed by the process that trains.

    In a script of your own, call it below `if __name__ == "__main__":`, as all that starts processes.
    """
    named = {name: [Run(study, fold) for fold in range(study.folds)] for name, study in studies.items()}
    if processes().num_processes > 1:  # they train each run together, one run after the other
        return {
            name: [run.fit(_titled(f"{name}, fold {run.fold + 1} of {run.study.folds}", report)) for run in runs]
            for name, runs in named.items()
        }
    missing = {
        run.key: (f"{name}, fold {run.fold + 1} of {run.study.folds}", run)
        for name, runs in named.items()
        for run in runs
    }
    missing = {key: found for key, found in missing.items() if not found[1].done}
    if len(missing) == 1:
        title, run = next(iter(missing.values()))
        report(f"run 1 of 1: {title}")
        run.fit(report)
    elif missing:
        _fit_side_by_side(dict(missing.values()), report)
    return {name: [run.fit() for run in runs] for name, runs in named.items()}


def _fit_side_by_side(runs: Mapping[str, Run], report: Callable[[str], None]) -> None:
    """Train runs in processes of their own: with one thread each, two cores train more than with two threads in one."""
    threads = max(run.study.threads for run in runs.values())
    workers = 1 if torch.cuda.is_available() else max(1, (os.cpu_count() or 1) // threads)
    with ProcessPoolExecutor(min(workers, len(runs)), get_context("spawn")) as pool:
        started = {pool.submit(_fit_here, run.study, run.fold, title): title for title, run in runs.items()}
        for number, done in enumerate(as_completed(started), 1):
            report(f"run {number} of {len(runs)} is done: {started[done]}, {done.result():.0f} s")


def _fit_here(study: Study, fold: int, title: str) -> float:
    return Run(study, fold).fit(_titled(title, lambda line: print(line, flush=True))).seconds


def _titled(title: str, report: Callable[[str], None]) -> Callable[[str], None]:
    return lambda line: report(f"  {title}: {line}")


def _write(folder: Path, fitted: Fitted) -> None:
    np.savez(
        folder / "arrays.npz",
        probabilities=fitted.probabilities,
        best_probabilities=fitted.best_probabilities,
        embeddings=fitted.embeddings,
        first=fitted.rows.first,
        second=fitted.rows.second,
        weight=fitted.rows.weight,
        centre=fitted.scaler.centre,
        scale=fitted.scaler.scale,
    )
    save_file({name: value.cpu() for name, value in fitted.trained.last.items()}, folder / "last.safetensors")
    save_file({name: value.cpu() for name, value in fitted.trained.best.items()}, folder / "best.safetensors")
    pd.DataFrame(fitted.trained.history).to_csv(folder / "history.csv", index=False)


@cache
def _data(choice: str) -> tuple[Patches, Split]:
    """Patches are read and hashed once for all runs of a process; of several processes, one renders simulated ones."""
    values = json.loads(choice)
    study = Study.load(**values)
    lock = store() / "data" / f"{hashlib.sha256(choice.encode()).hexdigest()[:16]}.lock"
    with locked(lock, values) if study.simulated or study.twins else nullcontext():
        patches = study.patches()
    return patches, study.split(patches)


@cache
def code_version() -> dict[str, str]:
    """A hash of the code that runs depend on (not of its comments), and the versions of the libraries that do the work."""
    package = Path(__file__).parent
    sources = sorted(
        path for name in CODE for path in [package / name, *(package / name).glob("*.py")] if path.is_file()
    )
    trees = "".join(ast.dump(ast.parse(path.read_text())) for path in sources)
    code = hashlib.sha256(trees.encode()).hexdigest()[:16]
    return {"code": code} | {name: version(name) for name in LIBRARIES}


def _file_hash(weights: str) -> str | None:
    path = Path(weights)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else None
