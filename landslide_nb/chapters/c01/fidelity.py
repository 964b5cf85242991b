"""Chapter 01: how near simulated patches come to real ones: levels, texture, and what trees make of both."""

from importlib.resources import files
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.common.arrays import Pixels
from landslide_nb.data.bands import BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.data.texture import autocorrelation
from landslide_nb.experiments.study import Study
from landslide_nb.metrics.bootstrap import auroc_interval
from landslide_nb.models import heads
from landslide_nb.simulation.draw import simulate
from landslide_nb.tabular.statistics import COLUMNS, describe
from landslide_nb.tabular.trees import trees_out_of_fold, trees_scores

MEANS: Final = [f"{name}_mean" for name in CHALLENGE.bands.names]


def as_many(table: pd.DataFrame, real: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Statistics of as many simulated patches as there are real rows; of the study's own patches if they are not simulated."""
    return describe(simulate(len(real), study.data_seed)) if study.simulated else table


def levels(patches: Patches) -> pd.DataFrame:
    """Mean and standard deviation of each band over all pixels; of the challenge's bands beside those published for its patches."""
    bands = patches.data_set.bands
    mean = patches.pixels.mean((0, 2, 3), dtype=np.float64)
    std = np.sqrt(
        np.mean([patch.var((1, 2), dtype=np.float64) for patch in patches.pixels], axis=0) + _between(patches)
    )
    table = {"unit": [band.unit for band in bands.bands], "mean": mean, "std": std}
    if bands == CHALLENGE.bands:
        with (files("landslide_nb") / "chapters" / "c01" / "pixel_statistics.csv").open(encoding="utf-8") as stream:
            real = pd.read_csv(stream, comment="#", index_col="band").loc[list(bands.names)]
        table = {"unit": table["unit"], "mean": mean, "real mean": real["mean"], "std": std, "real std": real["std"]}
    return pd.DataFrame(
        {name: np.asarray(values) for name, values in table.items()},
        index=pd.Index([band.title for band in bands.bands], name="band"),
    )


def _between(patches: Patches) -> NDArray[np.float64]:
    """The variance of patch means, so that no copy of all pixels in float64 is needed."""
    means = np.array([patch.mean((1, 2), dtype=np.float64) for patch in patches.pixels])
    return np.asarray(means.var(0))


def texture(pixels: Pixels, bands: BandSet, real: Pixels | None) -> pd.DataFrame:
    """How much a pixel is like the one beside it: correlation at lag one, and the share of exactly equal pairs.

    Args:
        pixels: `(N, C, H, W)`.
        bands: of these.
        real: likewise of real patches, to set their medians beside.
    """
    each = autocorrelation(pixels)
    table = pd.DataFrame({"band": [band.title for band in bands.bands]}).set_index("band")
    table["lag 1, median"] = np.median(each, axis=0)
    table["5 %"], table["95 %"] = np.percentile(each, (5, 95), axis=0)
    table["equal pairs"] = (pixels[..., 1:] == pixels[..., :-1]).mean((0, 2, 3))
    if real is not None:
        table["real, median"] = np.median(autocorrelation(real), axis=0)
        table["real equal pairs"] = (real[..., 1:] == real[..., :-1]).mean((0, 2, 3))
    return table


def transfer(
    simulated: pd.DataFrame, real: pd.DataFrame, real_scores: pd.DataFrame, resamples: int, seed: int = 42
) -> pd.DataFrame:
    """LightGBM on the 85 statistics, trained and tested on simulated and real rows; threshold 0.5.

    On its own kind of rows it is scored out of fold; from simulated to real rows it is trained on all of the one and tested
    on all of the other.

    Args:
        simulated: as `statistics.describe` gives it.
        real: the same of real patches.
        real_scores: what `tables.trees_on_statistics` says of these.
        resamples: of the intervals.
        seed: of the trees.
    """
    known = real_scores.iloc[0].rename({"out-of-fold F1": "F1"})
    model = heads.lightgbm(seed).fit(_values(simulated), simulated["label"].to_numpy())
    probabilities = np.asarray(model.predict_proba(_values(real)))[:, 1]
    own = trees_scores(simulated, trees_out_of_fold(simulated), resamples)
    rows = {
        "real → real, out of fold": {name: known[name] for name in own} | {"tested on": len(real)},
        "simulated → simulated, out of fold": own | {"tested on": len(simulated)},
        "simulated → real": trees_scores(real, probabilities, resamples) | {"tested on": len(real)},
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("trained → tested")


def giveaways(simulated: pd.DataFrame, real: pd.DataFrame, resamples: int, seed: int = 42) -> pd.DataFrame:
    """How well trees tell simulated rows from real ones, and by which statistics (their share of the gain)."""
    both = pd.concat([real, simulated], ignore_index=True)
    both["label"] = np.repeat([0, 1], [len(real), len(simulated)]).astype(np.int8)
    auroc = auroc_interval(both["label"].to_numpy(), trees_out_of_fold(both), min(resamples, 500))
    trees = heads.lightgbm(seed, importance_type="gain").fit(_values(both), both["label"].to_numpy())
    gain = pd.Series(trees.feature_importances_ / trees.feature_importances_.sum(), COLUMNS)
    largest = gain.sort_values(ascending=False)[:8]
    table = pd.DataFrame({"share of gain": largest, "real median": real[list(largest.index)].median()})
    table["simulated median"] = simulated[list(largest.index)].median()
    table.attrs["auroc"] = auroc
    return table.rename_axis("statistic")


def _values(table: pd.DataFrame) -> NDArray[np.float32]:
    return table[list(COLUMNS)].to_numpy(np.float32)
