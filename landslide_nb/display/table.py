"""Tables for people."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from landslide_nb.metrics.bootstrap import Interval


def show(table: pd.DataFrame, formats: Mapping[str, str] | None = None) -> pd.DataFrame:
    """A table for people: three decimals unless `formats` says else, a dash for nothing, yes or no, the index named in the corner."""
    specs = {name: (formats or {}).get(name, ".3f") for name in table.columns}
    text = pd.DataFrame({name: table[name].map(lambda value, s=spec: _shown(value, s)) for name, spec in specs.items()})
    text.columns.name, text.index.name = text.index.name, None
    return text


def _shown(value: object, spec: str) -> object:
    if isinstance(value, Interval):
        # A no-break space: in a narrow column a line ends before the bracket, not in it.
        return "–" if np.isnan(value.value) else f"{value:{spec}}".replace(", ", ",\N{NO-BREAK SPACE}")
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:{spec}}"
    return value
