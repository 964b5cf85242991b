"""How a run is written: its folder is whole or not there."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.torch import save_file

from landslide_nb.common.files import flush
from landslide_nb.training.fold import Fitted


def write(folder: Path, fitted: Fitted, record: Mapping[str, object]) -> None:
    """Write a run into a new folder, by way of a temporary one beside it.

    Args:
        folder: of the run; does not exist.
        fitted: what is kept of it.
        record: what it says of itself.
    """
    temporary = folder.with_suffix(".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    _write_files(temporary, fitted)
    (temporary / "run.json").write_text(json.dumps(record, indent=1, sort_keys=True), "utf-8")
    for path in temporary.iterdir():  # a power cut must not leave a whole folder of empty files
        flush(path)
    temporary.rename(folder)


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
    save_file({name: value.cpu() for name, value in fitted.trained.last.items()}, folder / "last.safetensors")
    save_file({name: value.cpu() for name, value in fitted.trained.best.items()}, folder / "best.safetensors")
    pd.DataFrame(fitted.trained.history).to_csv(folder / "history.csv", index=False)
