"""Simulated patches in the challenge's format, for those who do not have its data.

Rows of statistics are drawn from a model of real ones and rendered (`render`). The model is a mixture of normal
distributions for each class, over the normal scores of the 84 statistics that a patch's brightness does not follow from.
It was fitted by `landslide-nb fit-simulator` to 5,717 training patches of the challenge "Classification for Landslide
Detection" (Zindi/ITU 2025, CC BY-SA 4.0; table by Calistus-design/Landslide-Classification, Apache-2.0); the parameters in
`simulator.npz` are a work derived from them. Where things lie in a simulated patch is invented.
"""

from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, NamedTuple
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from landslide_nb.common.errors import DataError
from landslide_nb.common.files import replacing
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.hdf5 import Part
from landslide_nb.data.patches import Patches
from landslide_nb.simulation.relative import DRAWN, absolute
from landslide_nb.simulation.render import render, stream
from landslide_nb.tabular.statistics import COLUMNS, SIGNALS

POSITIVE_RATE: Final = 1255 / 7147
SCORES: Final = np.linspace(-3.3, 3.3, 133)  # normal scores at which the quantiles of a statistic are kept
NO_DATA: Final = 200  # the real minimum of an optical band is 0 (no data), or above this


class Simulator(NamedTuple):
    """What `fit_simulator.fit` learns from a table of real statistics; S = 84 statistics, K components of both classes together.

    Attributes:
        quantiles: `(S, 133)`, the values of each (relative) statistic at the normal scores `SCORES`.
        labels: `(K,)`, the class of each component.
        weights: `(K,)`, its share of the class.
        means: `(K, S)`, in normal scores.
        factors: `(K, S·(S+1)/2)`, the lower triangle of the Cholesky factor of its covariance.
    """

    quantiles: NDArray[np.float32]
    labels: NDArray[np.int8]
    weights: NDArray[np.float64]
    means: NDArray[np.float32]
    factors: NDArray[np.float16]

    def write(self, path: str | Path) -> None:
        """Write an .npz file; the same model gives the same bytes."""
        with replacing(Path(path)) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, **self._asdict())

    @classmethod
    def read(cls, path: str | Path) -> "Simulator":
        """Read what `write` wrote.

        Raises:
            DataError: if it is missing, damaged or not such a file.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                model = cls(*(arrays[name] for name in cls._fields))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise DataError(f"{path} is not a simulator written by `landslide-nb fit-simulator` ({error})") from error
        size, count = len(DRAWN), len(model.weights)
        shapes = [(size, len(SCORES)), (count,), (count,), (count, size), (count, size * (size + 1) // 2)]
        numbers = all(part.dtype.kind in "fi" and np.isfinite(part).all() for part in model)
        if [part.shape for part in model] != shapes or not numbers or set(model.labels) != {0, 1}:
            raise DataError(f"{path} holds arrays that are not a simulator's; fit it again")
        return model


def simulate(
    n: int, seed: int, positive_rate: float = POSITIVE_RATE, model: Simulator | None = None, masks: bool = False
) -> Patches:
    """Simulated patches: the same seed gives the same bytes, on any machine and number of threads.

    Args:
        n: how many.
        seed: of everything random.
        positive_rate: the share with a landslide; their number is rounded, not drawn. The challenge's by default.
        model: where rows are drawn from; by default the one in this package.
        masks: whether the patches carry masks of their landslides.

    Returns:
        `n` patches in the challenge's format with ids `SIM_…`, labelled.

    Raises:
        DataError: if `n` is negative or the rate is outside [0, 1].
    """
    return render(draw(n, seed, positive_rate, model), seed, masks=masks)


def simulated_part(n: int, seed: int, model: Simulator | None = None) -> Part:
    """What `simulate` makes, patch by patch when they are asked for."""
    rows = draw(n, seed, model=model)
    return Part(tuple(rows["ID"]), rows["label"].to_numpy(np.int8), stream(rows, seed))


def draw(n: int, seed: int, positive_rate: float = POSITIVE_RATE, model: Simulator | None = None) -> pd.DataFrame:
    """Rows of statistics with ids and labels, as `simulate` renders them."""
    if n < 0 or not 0 <= positive_rate <= 1:
        expected = "expected n ≥ 0 and a rate in [0, 1]"
        raise DataError(f"cannot simulate {n} patches with a positive rate of {positive_rate}; {expected}")
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) < round(n * positive_rate)).astype(np.int8)
    rng.shuffle(labels)
    table = _possible(_values(labels, model or packaged(), rng))
    table.insert(0, "label", labels)
    table.insert(0, "ID", [f"SIM_{seed:03d}_{i:06d}" for i in range(n)])
    return table


def _values(labels: NDArray[np.int8], model: Simulator, rng: Generator) -> pd.DataFrame:
    """Statistics `(N, 84)`, each row from the mixture of its label."""
    component = np.empty(len(labels), int)
    for label in (0, 1):
        share = model.weights * (model.labels == label)
        component[labels == label] = rng.choice(len(share), int((labels == label).sum()), p=share / share.sum())
    noise = rng.standard_normal((len(labels), len(DRAWN)))
    scores = model.means[component].astype(np.float64)
    factor = np.zeros((len(DRAWN), len(DRAWN)))
    for k in np.unique(component):
        factor[np.tril_indices(len(DRAWN))] = model.factors[k]
        chosen = component == k  # einsum, as the sums of a matrix product may depend on the number of threads
        scores[chosen] += np.einsum("ij,nj->ni", factor, noise[chosen])
    values = [np.interp(scores[:, i], SCORES, quantiles) for i, quantiles in enumerate(model.quantiles)]
    return absolute(pd.DataFrame(dict(zip(DRAWN, values, strict=True))))


def _possible(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows where some values could have such statistics: extremes beyond the spread, enough kurtosis."""
    for signal in SIGNALS:
        mean, std = rows[f"{signal}_mean"], rows[f"{signal}_std"]
        rows[f"{signal}_min"] = np.minimum(rows[f"{signal}_min"], mean - 1.2 * std)
        rows[f"{signal}_max"] = np.maximum(rows[f"{signal}_max"], mean + 1.2 * std)
        rows[f"{signal}_kurt"] = np.maximum(rows[f"{signal}_kurt"], rows[f"{signal}_skew"] ** 2 - 1.6)
    for place in CHALLENGE.bands.optical:
        column = f"{CHALLENGE.bands.names[place]}_min"
        rows[column] = rows[column].where(rows[column] >= NO_DATA, 0)
    rows.insert(0, COLUMNS[0], rows[["R_mean", "G_mean", "B_mean"]].mean(axis=1))
    return rows.astype(np.float32)


@cache
def packaged() -> Simulator:
    """The model in this package."""
    with as_file(files("landslide_nb") / "simulation" / "simulator.npz") as path:
        return Simulator.read(path)
