"""Tables for people."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from landslide_nb.display.wording import spaced
from landslide_nb.metrics.bootstrap import Interval

pd.set_option("display.max_colwidth", None)  # pandas would cut a text after 50 letters


def show(table: pd.DataFrame, formats: Mapping[str, str] | None = None) -> pd.DataFrame:
    """A table for people: three digits unless `formats` says else, a dash for nothing, yes or no, the index named in the corner."""
    specs = {name: (formats or {}).get(name) for name in table.columns}
    text = pd.DataFrame({name: table[name].map(lambda value, s=spec: _shown(value, s)) for name, spec in specs.items()})
    text.columns.name, text.index.name = text.index.name, None
    return text.rename(index=_named, columns=_named)


def _named(name: object) -> object:
    return spaced(name) if isinstance(name, str) else name


def digits(value: float) -> str:
    """The format of a number with three significant digits, and three decimals at most; thousands with a comma."""
    size = abs(value)
    if size < 0.9995:
        return ".3f"
    return ".2f" if size < 9.995 else ".1f" if size < 99.95 else ",.0f"


def _shown(value: object, spec: str | None) -> object:
    if isinstance(value, Interval):
        # A no-break space: in a narrow column a line ends before the bracket, not in it.
        text = f"{value:{spec or digits(value.value)}}".replace(", ", ",\N{NO-BREAK SPACE}")
        return "–" if np.isnan(value.value) else spaced(text)
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "–" if np.isnan(value) else spaced(f"{value:{spec or digits(value)}}")
    return spaced(value) if isinstance(value, str) else value
