"""Words for numbers."""

from typing import Any

import pandas as pd


def excludes_zero(difference: Any) -> bool:
    """Whether the interval of a difference excludes zero."""
    return bool(difference.low > 0 or difference.high < 0)


def in_words(difference: Any) -> str:
    """That in words."""
    return f"the 95 % interval {'excludes' if excludes_zero(difference) else 'includes'} 0"


def by_name(table: pd.DataFrame, column: str) -> dict[str, Any]:
    """A column by the names of its rows."""
    return {str(name): value for name, value in table[column].items()}
