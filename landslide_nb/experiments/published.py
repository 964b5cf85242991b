"""The paper's published numbers."""

from importlib.resources import files
from typing import Literal

import pandas as pd


def published(table: Literal["table1", "table2", "table3"]) -> pd.DataFrame:
    """A table of the paper, as printed there."""
    with (files("landslide_nb") / "experiments" / "paper" / f"{table}.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream)
