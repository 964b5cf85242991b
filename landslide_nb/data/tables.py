"""Tables with a column of IDs. An ID is text, whatever it looks like: `0016`, `1e5`, `NA` and `True` are names of patches."""

import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from landslide_nb.common.errors import DataError, reason, unreadable

ID: Final = "ID"
# What stands for no value in a column of numbers; in a column of text nothing does.
EMPTY: Final = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A")


def read_table(path: Path, columns: Sequence[str], numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV file, plain or gzipped: all columns as text but those of numbers.

    Args:
        path: of the file.
        columns: those that it must have; there may be more.
        numbers: columns that hold numbers; what is empty there becomes NaN, and text stays as it is.

    Returns:
        The rows that are not blank, indexed so that index + 2 is the line in the file.

    Raises:
        DataError: if it is no CSV, lacks a column, or has an ID that is empty or begins or ends with a space.
    """
    try:
        if not path.stat().st_size:
            raise DataError(f"{path} is empty; expected a CSV file with the columns {_named(columns)}")
        kinds = {name: str for name in _header(path) if name not in numbers}
        empty = {name: list(EMPTY) for name in numbers}
        table = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=empty, skip_blank_lines=False)
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (ValueError, OSError, EOFError, zlib.error) as error:  # pandas' parser errors are ValueErrors
        raise DataError(f"{path} cannot be read as CSV ({reason(error)})") from error
    if table.index.dtype != np.int64:  # pandas takes a field too many for an index
        raise DataError(f"{path} has rows with more fields than its header; expected {_named(columns)}")
    missing = [column for column in columns if column not in table]
    if missing:
        count = f" ({len(missing)} of {len(columns)} are missing)" if len(columns) > 2 else ""
        found = _named([str(name) for name in table.columns])
        wrong = f"lacks the column {missing[0]!r}{count}"
        raise DataError(f"{path} {wrong}; expected {_named(columns)}, found {found}{likely_cause(found)}")
    table = table[
        ((table != "") & table.notna()).any(axis=1)
    ]  # blank lines count, so that a line's number is the file's
    check_ids_of(path, table)
    return table


def check_ids_of(path: Path, table: pd.DataFrame) -> None:
    """Raise `DataError` naming the line of the first ID that is empty, is a file's name, or has a space that nobody sees at an end."""
    for line, name in zip(table.index + 2, table[ID], strict=True):
        if not name.strip():
            raise DataError(f"{path}, line {line}: the ID is empty")
        if name != name.strip():
            raise DataError(f"{path}, line {line}: the ID {name!r} begins or ends with a space; remove it")
        if cause := npy_ending(name):
            raise DataError(f"{path}, line {line}: the ID is {name!r}{cause}")


def canonical(name: str) -> str:
    """An ID in one Unicode form: `é` may be one character or two, and looks the same."""
    return unicodedata.normalize("NFC", name)


def _header(path: Path) -> list[str]:
    return [str(name) for name in pd.read_csv(path, nrows=0, dtype=str).columns]


def likely_cause(header: str) -> str:
    """Why a header is not what it should be, where that is likely; else nothing."""
    other = next((name for sign, name in ((";", "semicolons"), ("\t", "tabs")) if sign in header), None)
    return f"; its fields are separated by {other}, as spreadsheets save them: save it with commas" if other else ""


def absent(name: str, files: Iterable[str], listed_in: Path) -> DataError:
    """What to say of a patch that a list names and no file is of: whether there is one that only looks the same.

    Args:
        name: the ID.
        files: the names of the files that are there, without .npy.
        listed_in: the list.
    """
    same = next((file for file in files if canonical(file).strip() == canonical(name)), None)
    where = f"{listed_in} lists {name}, but there is no {name}.npy below {listed_in.parent}"
    if same is None:
        return DataError(where)
    how = "has a space at an end" if same != same.strip() else "is spelt in another Unicode form"
    return DataError(f"{where}; {same!a}.npy looks the same and {how}: rename the file to the ID in the list")


def decimals(label: str) -> str:
    """Why a label is not what it should be, where a program saved it as a number with decimals; else nothing."""
    return ": a program saved it with decimals; save labels as whole numbers" if label in ("0.0", "1.0") else ""


def npy_ending(name: str) -> str:
    """Why an ID is not what it should be, where it is a file's name; else nothing."""
    return ": it is the name of a file; leave out .npy" if name.lower().endswith(".npy") else ""


def _named(columns: Sequence[str]) -> str:
    """Some column names in one line; the first ones of many."""
    return ",".join(columns[:4]) + (",…" if len(columns) > 4 else "")
