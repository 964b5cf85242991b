"""What the store keeps of runs: what there is, and the removal of what no longer serves."""

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import Timeout

from landslide_nb.common.lock import held, lock
from landslide_nb.common.store import store
from landslide_nb.experiments.code import code_version
from landslide_nb.experiments.damage import damaged_file, is_archive

COLUMNS = ("key", "edition", "backbone", "fold", "F1", "seconds", "MB", "state")


@dataclass(frozen=True)
class Kept:
    """A run in the store, whole or begun, or what is left of one.

    Attributes:
        key: its hash.
        paths: its folder, or what an interrupted one left.
        record: what it says of itself; empty where it left no word.
        state: "current", "old code" (or libraries: nobody asks for it any more), "training", "interrupted" (goes on when it is
            asked for again), "damaged" (set aside, or it will be when it is asked for) or "leftover".
    """

    key: str
    paths: tuple[Path, ...]
    record: dict[str, Any]
    state: str

    @property
    def needless(self) -> bool:
        """Whether nothing would read it again."""
        return self.state in ("old code", "leftover", "damaged")

    @property
    def megabytes(self) -> float:
        """What it takes on disk."""
        files = [file for path in self.paths for file in (path, *path.rglob("*")) if file.is_file()]
        return sum(file.stat().st_size for file in files) / 1e6

    @property
    def row(self) -> tuple[object, ...]:
        """Its line of the table."""
        fold = self.record["fold"] + 1 if "fold" in self.record else None
        known = (self.key, self.record.get("edition"), self.record.get("backbone"), fold)
        return *known, self._score, self.record.get("run_seconds"), self.megabytes, self.state

    @property
    def _score(self) -> float | None:
        """The F1 after the last epoch; None where nothing says it."""
        with suppress(OSError, ValueError, KeyError, IndexError):
            return float(pd.read_csv(self.paths[0] / "history.csv")["validation_f1"].iloc[-1])
        return None


def kept() -> list[Kept]:
    """All that the store holds of runs, by key."""
    folder = store() / "runs"
    by_key: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        by_key.setdefault(_key(path), []).append(path)
    return [each for key, paths in sorted(by_key.items()) for each in _sorted_out(key, paths)]


def _key(path: Path) -> str:
    """`KEY`, `KEY.begun`, `KEY.checkpoint`, `KEY.tmp` and the half-written `.PID.KEY.checkpoint` belong to one run."""
    return path.name.split(".")[2 if path.name.startswith(".") else 0]


def _sorted_out(key: str, paths: list[Path]) -> list[Kept]:
    """The run that is whole, and what lies beside it: a run that goes on, one that could, or rubbish."""
    whole = [path for path in paths if path.name == key]
    aside = [path for path in paths if path.suffix == ".damaged"]
    beside = [path for path in paths if path not in (*whole, *aside)]
    runs = [Kept(key, (path,), record := _read(path / "run.json"), _state_of(path, record)) for path in whole]
    runs += [Kept(key, (path,), _read(path / "run.json"), "damaged") for path in aside]
    if not beside:
        return runs
    begun = store() / "runs" / f"{key}.begun"
    record = _read(begun)
    if held(key):
        state = "training"
    elif whole or not (checkpoint := begun.with_suffix(".checkpoint")).is_file() or _state(record) != "current":
        state = "leftover"
    elif not is_archive(checkpoint):
        state = "damaged"
    else:
        state = "interrupted"
    return [*runs, Kept(key, tuple(beside), record, state)]


def _state_of(folder: Path, record: dict[str, Any]) -> str:
    return "damaged" if damaged_file(folder) else _state(record)


def _state(record: dict[str, Any]) -> str:
    return "current" if record.items() >= code_version().items() else "old code"


def _read(path: Path) -> dict[str, Any]:
    """What a run says of itself; nothing where it could not finish the sentence."""
    with suppress(OSError, ValueError):
        record = json.loads(path.read_text("utf-8"))
        return record if isinstance(record, dict) else {}
    return {}


def table(runs: list[Kept]) -> str:
    """Runs as plain text."""
    rows = pd.DataFrame([each.row for each in runs], columns=list(COLUMNS)).astype({"fold": "Int64"})
    formats = {"F1": "{:.3f}".format, "seconds": "{:.0f}".format, "MB": "{:.1f}".format}
    return rows.to_string(index=False, na_rep="", formatters=formats) if runs else f"no runs in {store()}"


def remove(run: Kept) -> bool:
    """Remove a run, unless another process has begun to work on it."""
    try:
        with lock(run.key, timeout=0):
            for path in run.paths:
                if path.is_dir():
                    _remove_folder(path)
                else:
                    path.unlink(missing_ok=True)
    except Timeout:
        return False
    return True


def _remove_folder(folder: Path) -> None:
    """Rename it first: a run whose files go one by one would look whole."""
    going = folder.with_suffix(".gone")
    if going != folder:
        shutil.rmtree(going, ignore_errors=True)
        folder.rename(going)
    shutil.rmtree(going)
