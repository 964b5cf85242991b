"""A row of the check: a difference and what it is held to, or a measured figure."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import pandas as pd
from torch import Tensor

Measure = Literal["absolute", "relative", "share"]


@dataclass(frozen=True)
class Difference:
    """How far two results are apart.

    Attributes:
        what: was computed, and against what.
        absolute: the largest absolute difference.
        relative: the same over the largest absolute value of the reference.
        share: of values that differ at all.
        held: which of these three the tolerance is for.
        tolerance: the largest that is accepted.
    """

    what: str
    absolute: float
    relative: float
    share: float
    held: Measure
    tolerance: float

    @property
    def difference(self) -> float:
        """The one that the tolerance is for."""
        return float(getattr(self, self.held))

    @property
    def ok(self) -> bool:
        """Whether it is within its tolerance; what is not a number is not."""
        return self.difference <= self.tolerance


@dataclass(frozen=True)
class Figure:
    """A measured figure.

    Attributes:
        what: was measured.
        value: NaN where it is not available.
        unit: of the value.
        note: what it rests on, or why it is not available.
    """

    what: str
    value: float
    unit: str
    note: str = ""


Row = Difference | Figure


def compare(what: str, theirs: Tensor, reference: Tensor, tolerance: float, held: Measure = "relative") -> Difference:
    """The difference of a device's result to the reference, of the same shape, wherever they lie."""
    ours, known = theirs.detach().cpu().double(), reference.detach().cpu().double()
    apart = (ours - known).abs()
    absolute, largest = float(apart.max()), float(known.abs().max())
    relative = absolute / largest if largest else (math.inf if absolute else 0.0)
    return Difference(what, absolute, relative, float((apart != 0).double().mean()), held, tolerance)


def missing(what: str, unit: str, why: str) -> Figure:
    """A figure that could not be measured."""
    return Figure(what, math.nan, unit, f"not available: {why}")


def outside(rows: Sequence[Row]) -> list[Difference]:
    """The differences that are outside their tolerance."""
    return [row for row in rows if isinstance(row, Difference) and not row.ok]


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """All rows, for a CSV file: differences first; what a kind of row has not is empty."""
    differences = [asdict(row) | {"ok": "yes" if row.ok else "no"} for row in rows if isinstance(row, Difference)]
    figures = [asdict(row) for row in rows if isinstance(row, Figure)]
    return pd.DataFrame(differences + figures)


def text(rows: Sequence[Row]) -> str:
    """All rows as two tables for people."""
    differences = [
        {
            "compared": row.what,
            "absolute": f"{row.absolute:.1e}",
            "relative": f"{row.relative:.1e}",
            "held to": f"{row.held} {row.tolerance:g}" + (f" (is {row.share:.1e})" if row.held == "share" else ""),
            "": "ok" if row.ok else "NOT OK",
        }
        for row in rows
        if isinstance(row, Difference)
    ]
    lines = [
        f"{row.what}: {row.note}"
        if math.isnan(row.value)
        else f"{row.what}: {row.value:.4g} {row.unit}" + (f" ({row.note})" if row.note else "")
        for row in rows
        if isinstance(row, Figure)
    ]
    left = {"compared": f"{{:<{max((len(row['compared']) for row in differences), default=0)}}}".format}
    shown = pd.DataFrame(differences).to_string(index=False, justify="left", formatters=left) if differences else ""
    return "\n\n".join(part for part in (shown, "\n".join(lines)) if part)
