"""The paper's published numbers."""

from importlib.resources import files
from typing import Literal

import pandas as pd

from landslide_nb.experiments.study_texts import published_folder


def published(table: Literal["table1", "table2", "table3"]) -> pd.DataFrame:
    """A table of the paper, as printed there."""
    with (files("landslide_nb") / "experiments" / "paper" / f"{table}.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream)


def trials() -> int | None:
    """How many heads on real statistics were tried on the very patches that the chosen one is scored on; None outside of a clone."""
    path = published_folder().with_name("statistics_heads_trials.csv")
    return len(pd.read_csv(path)) if path.is_file() else None
