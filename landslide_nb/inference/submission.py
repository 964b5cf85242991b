"""Is a submission as the challenge's SampleSubmission.csv asks for it?"""

import csv
from collections import Counter
from pathlib import Path
from typing import Final

from landslide_nb.common.errors import DataError
from landslide_nb.data.tables import decimals, likely_cause, npy_ending

HEADER: Final = ["ID", "label"]


def check(path: Path, sample: Path) -> int:
    """Compare a submission with the challenge's SampleSubmission.csv.

    Returns:
        The number of rows.

    Raises:
        DataError: on the first difference: another header, other IDs, another order, or a label other than 0 and 1.
    """
    (numbers, (header, *rows)), (_, (expected_header, *expected)) = _lines(path), _lines(sample)
    if header != expected_header:
        raise DataError(
            f"{path} begins with {','.join(header)!r}; expected {','.join(expected_header)!r}, as in {sample}"
        )
    for number, row in zip(numbers, rows, strict=True):
        if len(row) != len(HEADER):
            raise DataError(f"{path}, line {number}: {len(row)} fields; expected {len(HEADER)}, {' and '.join(HEADER)}")
    ids, wanted = [row[0] for row in rows], [row[0] for row in expected]
    if ids != wanted:
        raise DataError(_difference(path, ids, sample, wanted, numbers))
    for number, (name, label) in zip(numbers, rows, strict=True):
        if label not in ("0", "1"):
            raise DataError(f"{path}, line {number}: {name} has label {label!r}; expected 0 or 1{decimals(label)}")
    return len(rows)


def _lines(path: Path) -> tuple[list[int], list[list[str]]]:
    """The header and the rows of a CSV file, and the number of each row's line; blank lines are passed over."""
    if not path.is_file():
        raise DataError(f"{path} does not exist; expected a CSV file with the columns {','.join(HEADER)}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            lines = [(reader.line_num, row) for row in reader if any(field.strip() for field in row) or len(row) > 1]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV ({error})") from error
    numbers, rows = [number for number, _ in lines[1:]], [row for _, row in lines]
    if not rows or rows[0][:1] != HEADER[:1]:
        cause = likely_cause(",".join(rows[0])) if rows else ""
        raise DataError(f"{path} has no header that begins with ID; expected {','.join(HEADER)}{cause}")
    return numbers, rows


def _difference(path: Path, ids: list[str], sample: Path, wanted: list[str], numbers: list[int]) -> str:
    """One sentence on how the ids of a submission differ from those that were asked for."""
    if cause := npy_ending(ids[0] if ids else ""):
        return f"{path}, line {numbers[0]}: the ID is {ids[0]}{cause}"
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
    place = next(i for i, (ours, theirs) in enumerate(zip(ids, wanted, strict=True)) if ours != theirs)
    return (
        f"{path}, line {numbers[place]}: the ID is {ids[place]}; expected {wanted[place]}, for rows must be in the order of"
        f" {sample}"
    )
