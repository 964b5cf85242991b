"""How a run is written: its folder is whole or not there."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.torch import save

from landslide_nb.common.files import flush, refused_if_full
from landslide_nb.training.fold import Fitted
from landslide_nb.training.loop import State


def write(folder: Path, fitted: Fitted, record: Mapping[str, object]) -> None:
    """Write a run into a new folder, by way of a temporary one beside it.

    Args:
        folder: of the run; does not exist.
        fitted: what is kept of it.
        record: what it says of itself.

    Raises:
        DataError: if the disk is full; the temporary folder goes then.
    """
    temporary = folder.with_suffix(".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with refused_if_full(folder, temporary):
            temporary.mkdir(parents=True)
            _write_files(temporary, fitted)
            (temporary / "run.json").write_text(json.dumps(record, indent=1, sort_keys=True), "utf-8")
            for path in temporary.iterdir():  # a power cut must not leave a whole folder of empty files
                flush(path)
            temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_files(folder: Path, fitted: Fitted) -> None:
    np.savez(
        folder / "arrays.npz",
        log_odds=fitted.log_odds,
        best_log_odds=fitted.best_log_odds,
        embeddings=fitted.embeddings,
        first=fitted.rows.first,
        second=fitted.rows.second,
        weight=fitted.rows.weight,
        centre=fitted.scaler.centre,
        scale=fitted.scaler.scale,
    )
    _write_weights(folder / "last.safetensors", fitted.trained.last)
    _write_weights(folder / "best.safetensors", fitted.trained.best)
    pd.DataFrame(fitted.trained.history).to_csv(folder / "history.csv", index=False)


def _write_weights(path: Path, weights: State) -> None:
    """Write weights by way of memory: safetensors' own error does not say, as an `OSError` does, that a disk is full."""
    path.write_bytes(save({name: value.cpu() for name, value in weights.items()}))
