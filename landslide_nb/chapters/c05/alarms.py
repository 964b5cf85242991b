"""Chapter 05: what an alarm is worth at another threshold, and where landslides are rarer; two sliders in one piece of HTML.

Prior shift: another rate of landslides changes neither recall nor the false positive rate. Both are embedded for each network and
threshold; a few lines of script do the rest, and ask no host for anything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from landslide_nb.common.arrays import Labels
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.labelled import Labelled
from landslide_nb.display.table import show
from landslide_nb.experiments.comparisons import Named, tested
from landslide_nb.experiments.result import Result
from landslide_nb.metrics.bootstrap import Interval

THRESHOLDS: Final = (0.0, 0.001, 0.005, *(round(i / 100, 2) for i in range(1, 100)), 0.995, 0.999, 1.0)
EVEN: Final = THRESHOLDS.index(0.5)
TABLE_RATES: Final = (0.5, 0.176, 0.05, 0.01, 0.001)
LOWEST, HIGHEST, STEPS = 1e-4, 0.6, 90  # of the rate's slider
METRES: Final = 10.0  # of a pixel of Sentinel-2, where the data set does not say


class Operating(NamedTuple):
    """Where a network's replicates stand at each threshold: R replicates, T thresholds; four digits.

    Attributes:
        recall: true positives among patches with a landslide, `(R, T)`.
        false_positive_rate: false positives among those without, `(R, T)`.
    """

    recall: NDArray[np.float64]
    false_positive_rate: NDArray[np.float64]


@dataclass(frozen=True)
class Sliders:
    """What a notebook cell that ends with one shows.

    Attributes:
        html: a `figure` element with its style, a table for readers without scripts, and its script.
        alt: what it shows, with the numbers of the table.
    """

    html: str
    alt: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.alt}


def operating(results: Sequence[Result], labels: Labels) -> Operating:
    """The operating points of each replicate on its tested patches, at `THRESHOLDS`."""
    cuts = logit(np.array(THRESHOLDS))
    shares = [
        [(scores[part][labels[part] == label][:, None] >= cuts).mean(0) for label in (1, 0)]
        for scores, part in zip(*tested(results), strict=True)
    ]
    recall, false_positive_rate = np.round(shares, 4).transpose(1, 0, 2)
    return Operating(recall, false_positive_rate)


def worth(recall: float, false_positive_rate: float, rate: float, area: float) -> dict[str, float]:
    """What alarms are worth where a share `rate` of patches, each of `area` km², has a landslide; precision is NaN without alarms."""
    right, wrong = rate * recall, (1 - rate) * false_positive_rate
    called = right + wrong
    return {
        "precision": right / called if called else float("nan"),
        "recall": recall,
        "F1": 2 * right / (rate + called),
        "alarms per 1,000 km²": called * 1000 / area,
        "false alarms per 1,000 km²": wrong * 1000 / area,
    }


def at(points: Operating, place: int, rate: float, area: float) -> dict[str, Interval]:
    """What the alarms of a network are worth at a threshold: by the mean of its replicates' points, lowest and highest replicate."""
    recall, falsely = points.recall[:, place], points.false_positive_rate[:, place]
    mean = worth(float(recall.mean()), float(falsely.mean()), rate, area)
    each = pd.DataFrame([worth(*pair, rate, area) for pair in zip(recall.tolist(), falsely.tolist(), strict=True)])
    return {name: Interval(value, each[name].min(), each[name].max()) for name, value in mean.items()}


def patch_area(data_set: DataSet) -> float:
    """Square kilometres of a patch."""
    return float((data_set.patch_size * (data_set.pixel_metres or METRES) / 1000) ** 2)


def rates(own: float) -> list[float]:
    """The slider's rates, in steps of about a tenth: round numbers, those of the table, and that of the test patches."""
    steps = [float(f"{rate:.2g}") for rate in np.geomspace(LOWEST, HIGHEST, STEPS)]
    return sorted({*steps, *TABLE_RATES, own})


def table(points: Mapping[str, Operating], area: float) -> pd.DataFrame:
    """The precision of each network at a probability of 0.5, with the lowest and the highest replicate's, at the rates of the table."""
    columns = {name: [at(each, EVEN, rate, area)["precision"] for rate in TABLE_RATES] for name, each in points.items()}
    index = pd.Index([f"{rate:.3g}" for rate in np.multiply(TABLE_RATES, 100)], name="% with a landslide")
    return pd.DataFrame(columns, index=index)


def _spread(of: Interval) -> str:
    return f"{of.value:.3f} ({of.low:.3f}–{of.high:.3f})"


def sliders(results: Named, known: Labelled, of: str) -> Sliders:
    """Sliders for threshold and rate of landslides, with the scores and alarms of each network on the tested patches.

    Args:
        results: of some networks, by name.
        known: the patches.
        of: what they are: "real landslides".
    """
    labels, area = known.known_labels, patch_area(known.data_set)
    points = {name: operating(folds, labels) for name, folds in results.items()}
    parts = [part for folds in results.values() for part in tested(folds)[1]]
    own = float(f"{np.mean([labels[part].mean() for part in parts]):.3g}")
    values, below = rates(own), show(table(points, area).map(_spread))
    networks = [
        {"name": name, "recall": each.recall.tolist(), "falsely": each.false_positive_rate.tolist()}
        for name, each in points.items()
    ]
    data = {"area": area, "thresholds": THRESHOLDS, "rates": values, "networks": networks}
    precise = "; ".join(f"{rate} %: {', '.join(map(str, row))}" for rate, *row in below.itertuples())
    alt = f"Precision at a threshold of 0.5 on {of} ({', '.join(points)}), by the rate of landslides: {precise}."
    fields = {
        "OF": escape(of),
        "OWN": f"{100 * own:.3g} %",
        "AREA": f"{area:.2f}",
        "TABLE": below.to_html(border=0),  # its caption is in the cell's metadata, as of any table
        "OPTIONS": "".join(f'<option value="{i}">{escape(name)}</option>' for i, name in enumerate(points)),
        "LAST": str(len(THRESHOLDS) - 1),
        "EVEN": str(EVEN),
        "RAREST": str(len(values) - 1),
        "RATE": str(values.index(own)),
        "DATA": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
    }
    html = (files("landslide_nb") / "chapters" / "c05" / "alarms.html").read_text("utf-8")
    for name, value in fields.items():
        html = html.replace(f"{{{{{name}}}}}", value)
    return Sliders(html, alt)
