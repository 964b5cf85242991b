"""Published runs: their records and predictions, small enough to be committed, so that nobody has to train to have the book's numbers.

In `results/published`: `data_set.json` and `patches.npz` say what the patches are, all but their pixels; `KEY.json` is a run's record with
its epochs, `KEY.npz` its log-odds, and the decisions of heads where they were asked.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.common.arrays import Scores
from landslide_nb.common.errors import DataError
from landslide_nb.common.files import replacing, write_whole
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.labelled import Labelled
from landslide_nb.experiments.damage import DAMAGE
from landslide_nb.experiments.study_texts import CHOSEN, DATA_SET, published_folder

PATCHES: Final = "patches.npz"
HEAD: Final = "head: "  # before the name of a head in a run's file


class Published(NamedTuple):
    """What is published of a run.

    Attributes:
        record: what it says of itself.
        history: one row an epoch.
        log_odds: `(N,)`, by the last weights; float16 as published.
        best_log_odds: `(N,)`, by the weights of the best validation F1.
        decisions: `(N,)` for each head that was fitted on the run's embeddings; positive where it says landslide.
    """

    record: dict[str, Any]
    history: pd.DataFrame
    log_odds: NDArray[np.float32]
    best_log_odds: NDArray[np.float32]
    decisions: dict[str, Scores]


def folder() -> Path:
    """Where published runs are."""
    return published_folder()


def patches() -> Labelled:
    """The published patches, all but their pixels.

    Raises:
        DataError: if there are none.
    """
    return _patches(folder())


@cache
def _patches(where: Path) -> Labelled:
    if not (where / PATCHES).is_file():
        raise DataError(
            f"{where} holds no published runs: they are in the project's repository, not in its package; work in a clone, or name"
            f" the folder as {CHOSEN}"
        )
    try:
        with np.load(where / PATCHES, allow_pickle=False) as file:
            beside = [file[name] if name in file.files else None for name in ("groups", "regions")]
            ids, labels, fingerprint = tuple(file["ids"].tolist()), file["labels"], str(file["fingerprint"])
        of = DataSet.from_json((where / DATA_SET).read_text("utf-8"))
        return Labelled(ids, labels, of, fingerprint, *beside)
    except DAMAGE as error:
        raise DataError(f"{where / PATCHES} cannot be read ({error}); take the repository's file again") from error


def write_patches(known: Labelled, where: Path) -> None:
    """Publish what the patches are.

    Raises:
        DataError: if other patches are published there already.
    """
    if (where / PATCHES).is_file() and (there := _patches(where)).fingerprint != known.fingerprint:
        raise DataError(
            f"{where} has runs of other patches ({there.fingerprint}, not {known.fingerprint}); name another folder"
        )
    arrays: dict[str, Any] = {
        "ids": np.array(known.ids),
        "labels": known.known_labels,
        "fingerprint": known.fingerprint,
    }
    beside = {"groups": known.groups, "regions": known.regions}
    _write(where / PATCHES, arrays | {name: each for name, each in beside.items() if each is not None})
    write_whole(where / DATA_SET, known.data_set.to_json())


def holds(key: str) -> bool:
    """Whether a run is published."""
    return (folder() / f"{key}.npz").is_file()


def same(key: str, record: Mapping[str, Any], where: Path) -> bool:
    """Whether a run with this very record is published in a folder."""
    path = where / f"{key}.json"
    if not path.is_file() or not path.with_suffix(".npz").is_file():
        return False
    there = json.loads(path.read_text("utf-8"))
    there.pop("history", None)
    return bool(there == json.loads(json.dumps(record)))


def read(key: str) -> Published:
    """A published run.

    Raises:
        DataError: if it is not whole.
    """
    path = folder() / f"{key}.npz"
    try:
        record = json.loads(path.with_suffix(".json").read_text("utf-8"))
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name].astype(np.float32) for name in file.files}
        history = pd.DataFrame(record.pop("history"))
        heads = {n.removeprefix(HEAD): a.astype(np.float64) for n, a in arrays.items() if n.startswith(HEAD)}
        return Published(record, history, arrays["log_odds"], arrays["best_log_odds"], heads)
    except DAMAGE as error:
        raise DataError(
            f"the published run {path} cannot be read ({error}); take the repository's file again"
        ) from error


def write(key: str, run: Published, where: Path) -> None:
    """Publish a run; numbers are rounded to half precision, about three digits.

    Args:
        key: of all that determines it, but the code.
        run: what is published of it.
        where: the folder.
    """
    arrays: dict[str, Any] = {"log_odds": run.log_odds, "best_log_odds": run.best_log_odds}
    arrays |= {f"{HEAD}{name}": values for name, values in run.decisions.items()}
    _write(where / f"{key}.npz", {name: np.asarray(values, np.float16) for name, values in arrays.items()})
    history = json.loads(run.history.to_json(orient="records", double_precision=6))
    write_whole(where / f"{key}.json", json.dumps(run.record | {"history": history}, indent=1, sort_keys=True) + "\n")


def _write(path: Path, arrays: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
