"""Is a submission as the challenge's SampleSubmission.csv asks for it?"""

import csv
from collections import Counter
from pathlib import Path
from typing import Final

from landslide_nb.common.errors import DataError

HEADER: Final = ["ID", "label"]


def check(path: Path, sample: Path) -> int:
    """Compare a submission with the challenge's SampleSubmission.csv.

    Returns:
        The number of rows.

    Raises:
        DataError: on the first difference: another header, other IDs, another order, or a label other than 0 and 1.
    """
    (header, *rows), (expected_header, *expected) = _lines(path), _lines(sample)
    if header != expected_header:
        raise DataError(
            f"{path} begins with {','.join(header)!r}; expected {','.join(expected_header)!r}, as in {sample}"
        )
    for number, row in enumerate(rows, 2):
        if len(row) != len(HEADER):
            raise DataError(f"{path}, line {number}: {len(row)} fields; expected {len(HEADER)}, {' and '.join(HEADER)}")
    ids, wanted = [row[0] for row in rows], [row[0] for row in expected]
    if ids != wanted:
        raise DataError(_difference(path, ids, sample, wanted))
    for number, (name, label) in enumerate(rows, 2):
        if label not in ("0", "1"):
            raise DataError(f"{path}, line {number}: {name} has label {label!r}; expected 0 or 1")
    return len(rows)


def _lines(path: Path) -> list[list[str]]:
    if not path.is_file():
        raise DataError(f"{path} does not exist; expected a CSV file with the columns {','.join(HEADER)}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.reader(stream, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV ({error})") from error
    if not rows or rows[0][:1] != HEADER[:1]:
        raise DataError(f"{path} has no header that begins with ID; expected {','.join(HEADER)}")
    return rows


def _difference(path: Path, ids: list[str], sample: Path, wanted: list[str]) -> str:
    """One sentence on how the ids of a submission differ from those that were asked for."""
    missing, more = Counter(wanted) - Counter(ids), Counter(ids) - Counter(wanted)
    if missing:
        name = next(iter(missing))
        return (
            f"{path} has {name} {ids.count(name)} times and {sample} {wanted.count(name)} times ({missing.total()} rows are"
            " missing); write a row for each of its rows"
        )
    if more:
        name = next(iter(more))
        return (
            f"{path} has {name} {ids.count(name)} times and {sample} {wanted.count(name)} times ({more.total()} rows too many);"
            " write a row for each of its rows"
        )
    number = next(i for i, (ours, theirs) in enumerate(zip(ids, wanted, strict=True)) if ours != theirs)
    return (
        f"{path}, line {number + 2}: the ID is {ids[number]}; expected {wanted[number]}, for rows must be in the order of"
        f" {sample}"
    )
