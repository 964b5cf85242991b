"""Which patches look like a landslide: the label decides it together with what the row's statistics say, and not always.

All that the arrangement of a patch tells of its label goes through one yes or no, drawn for each patch. Its log-odds are linear
in the evidence of the row, so that who sees the arrangement and who sees the statistics err on the same patches, as networks and
trees do on the challenge's. `Appearance` names what is calibrated.

How the defaults were fitted, all on simulated patches of two seeds, to what `benchmarks/simulator_difficulty.py` sets beside them:

- `landslide`, `other`, `coupling`, `hidden` and `impostors`: first by a model of two observers, without training. One was the
  trees' out-of-fold log-odds; the other saw the log-odds of trees on optical statistics and the yes or no, both through normal
  noise. Some hundreds of random settings were scored by how far F1, AUROC, gain, correlations and shared errors lay outside their
  ranges. Networks then saw less than the model assumed: the first two were moved apart, `coupling`
  was raised and `hidden` lowered by hand.
- `contrast`, `contrast_spread`, the look-alikes, `steeper`, the areas and colours in `scars`, and that scars are seen through no cloud:
  by hand, from the network of three folds: how well it told what looks like a landslide among patches of one label, and which it
  missed (small ones and those among clouds, most of all). Contrasts had to stay within those of the real patches
  (`benchmarks/simulator.py`), and trees that learnt from simulated patches had to find real landslides.
- `larger`: by hand, so that fewer landslides are seen by one observer alone.
- `changed` and `change`, `beside`: by eye, and so that contrasts in Δ stay in that range.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from landslide_nb.common.files import replacing
from landslide_nb.simulation.cues import Values
from landslide_nb.simulation.relative import relative


@dataclass(frozen=True)
class Appearance:
    """How hard simulated patches are; fitted so that scores come out as on the challenge.

    Attributes:
        landslide: log-odds that a patch with a landslide looks like it, where the evidence is 0.
        other: log-odds that one without does.
        coupling: what a unit of evidence (log-odds of a logistic regression on statistics) adds to both.
        hidden: share of landslides that show nothing, whatever the evidence.
        impostors: share of patches without that look like a landslide, whatever the evidence.
        larger: by how much the logarithm of a scar's area grows with a unit of evidence: small ones are missed by who sees them and by
            who sees statistics.
        contrast: median lift of bare ground over its surroundings, in standard deviations of a field.
        contrast_spread: standard deviation of its logarithm.
        streams, roads, clearings, specks: share of patches with such bare ground, where they look like no landslide.
        beside: how much rarer these are beside scars.
        changed: share of patches that look like a landslide in whose Δ the scars show, faintly.
        change: lift there.
        steeper: how much steeper the ground is where it looks like a landslide.
    """

    landslide: float = 4.9
    other: float = -3.7
    coupling: float = 2.2
    hidden: float = 0.003
    impostors: float = 0.002
    larger: float = 0.5
    contrast: float = 14.0
    contrast_spread: float = 0.2
    streams: float = 0.03
    roads: float = 0.03
    clearings: float = 0.03
    specks: float = 0.03
    beside: float = 0.1
    changed: float = 0.2
    change: float = 1.0
    steeper: float = 4.0


DEFAULT = Appearance()


@dataclass(frozen=True)
class Evidence:
    """A logistic regression on the normal scores of relative statistics, fitted by `fit.fit_evidence`; S = 84.

    Attributes:
        quantiles: float32 `(S, Q)`, values at equally spaced normal scores from `-limit` to `limit`.
        weights: float32 `(S,)`.
        intercept: of the log-odds.
        limit: the highest score.
    """

    quantiles: NDArray[np.float32]
    weights: NDArray[np.float32]
    intercept: float
    limit: float

    def of(self, rows: pd.DataFrame) -> Values:
        """Log-odds `(N,)` of a landslide, as far as these statistics tell."""
        values = relative(rows).to_numpy()
        scores = np.linspace(-self.limit, self.limit, self.quantiles.shape[1])
        log_odds = np.full(len(rows), self.intercept)
        for i, (quantiles, weight) in enumerate(zip(self.quantiles, self.weights, strict=True)):
            log_odds += float(weight) * np.interp(values[:, i], quantiles, scores)
        return log_odds

    def write(self, path: str | Path) -> None:
        """Write an .npz file; the same evidence gives the same bytes."""
        with replacing(Path(path)) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, **vars(self))


@cache
def packaged() -> Evidence:
    """The evidence in this package, of the challenge's statistics."""
    with as_file(files("landslide_nb") / "simulation" / "evidence.npz") as path, np.load(path) as arrays:
        return Evidence(arrays["quantiles"], arrays["weights"], float(arrays["intercept"]), float(arrays["limit"]))


def looks_like_a_landslide(
    rows: pd.DataFrame, evidence: Values, appearance: Appearance, rng: Generator
) -> NDArray[np.bool_]:
    """Whether each patch `(N,)` is drawn with what landslides look like; rows without a label are drawn as without one."""
    is_landslide = labels(rows) == 1
    log_odds = np.where(is_landslide, appearance.landslide, appearance.other) + appearance.coupling * evidence
    seen = rng.random(len(rows)) < 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))
    exception = rng.random(len(rows))
    shown: NDArray[np.bool_] = np.where(
        is_landslide, seen & (exception >= appearance.hidden), seen | (exception < appearance.impostors)
    )
    return shown


def labels(rows: pd.DataFrame) -> NDArray[np.int8]:
    """Labels `(N,)`; 0 where there are none."""
    return rows["label"].to_numpy(np.int8) if "label" in rows else np.zeros(len(rows), np.int8)
