"""Words for numbers."""

import re
from collections.abc import Iterable
from typing import Any, Final

import pandas as pd
from IPython.display import Markdown

PERCENT: Final = re.compile(r"(?<=\d)%")
SAID: Final = re.compile(r"\b(?:simulated|real|made|scene)\b", re.IGNORECASE)  # what the data are, in a caption itself


def spaced(text: str) -> str:
    """A text with a space before each percent sign, as all texts of the book have it; no line ends there."""
    return PERCENT.sub("\N{NO-BREAK SPACE}%", text)


def sentences(text: str) -> Markdown:
    """What a chapter found, as it is shown."""
    return Markdown(spaced(text))


def capitalised(text: str) -> str:
    """A text that begins with a capital letter, and is else as it was."""
    return text[:1].upper() + text[1:]


def what_of(caption: str, source: str) -> str:
    """A sentence that says what the data are, for a caption that does not say it itself."""
    return "" if SAID.search(caption) else f" {capitalised(source)}."


def reach(values: Iterable[float], spec: str = ".3f") -> str:
    """From the lowest to the highest of some numbers; one number where both look the same."""
    known = [float(value) for value in values]
    ends = (f"{min(known):{spec}}", f"{max(known):{spec}}")
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def excludes_zero(difference: Any) -> bool:
    """Whether the interval of a difference excludes zero."""
    return bool(difference.low > 0 or difference.high < 0)


def in_words(difference: Any) -> str:
    """That in words."""
    return f"the 95 % interval {'excludes' if excludes_zero(difference) else 'includes'} 0"


def by_name(table: pd.DataFrame, column: str) -> dict[str, Any]:
    """A column by the names of its rows."""
    return {str(name): value for name, value in table[column].items()}
