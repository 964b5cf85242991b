"""Chapter 08 on a table of real patches: which bands carry the decision of trees on 85 statistics, out of fold."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from landslide_nb.chapters.c08 import occlusion
from landslide_nb.chapters.c08.occlusion import RIVALS, against_optical, alarms, landslides
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.explain.occlusion import features_of
from landslide_nb.metrics.bootstrap import Interval, auroc_interval, f1_difference, f1_interval
from landslide_nb.models import heads
from landslide_nb.tabular.statistics import COLUMNS
from landslide_nb.tabular.trees import trees_out_of_fold

BANDS: Final = CHALLENGE.bands  # the table is the challenge's
FEATURES: Final = features_of(BANDS)
# Statistics of more than one band: taking a band away takes them too.
SHARED: Final = {"NDVI": ("R", "NIR"), "NDWI": ("G", "NIR"), "cloud": ("R", "G", "B")}


def columns_of(bands: Sequence[int]) -> list[str]:
    """The statistics that any of the bands enters, those of indices and the brightness of visible light included."""
    names = {BANDS.names[place] for place in bands}
    return [name for name in COLUMNS if names & set(SHARED.get(_signal(name), (_signal(name),)))]


def _signal(column: str) -> str:
    return column.split("_", maxsplit=1)[0]


def permuted(table: pd.DataFrame, folds: int = 5, seed: int = 42) -> pd.DataFrame:
    """How far the trees' probability falls when all statistics of a band or a group are those of another patch.

    Trees, folds and seed are chapter 01's. Permuted are the rows of the part that a fold's trees have not seen, all columns of
    a feature together.

    Args:
        table: as `statistics.read` gives it.
        folds: stratified and shuffled.
        seed: of folds, trees and permutation.

    Returns:
        A table of falls as in `occlusion`, one row for each row of `table`.
    """
    values, labels = table[list(COLUMNS)], table["label"].to_numpy(np.int8)
    parts = {}
    for fold, (train, unseen) in enumerate(
        StratifiedKFold(folds, shuffle=True, random_state=seed).split(values, labels)
    ):
        trees = heads.lightgbm(seed).fit(values.to_numpy(np.float32)[train], labels[train])
        seen, order = values.iloc[unseen], np.random.default_rng(seed + fold).permutation(unseen)
        whole = _probability(trees, seen)
        falls = {
            name: whole
            - _probability(trees, seen.assign(**{c: values[c].to_numpy()[order] for c in columns_of(bands)}))
            for name, bands in FEATURES.items()
        }
        frame = pd.DataFrame(falls, index=table["ID"].iloc[unseen])
        parts[fold] = frame.assign(label=labels[unseen], probability=whole)
    return pd.concat(parts, names=["fold", "patch"])


def _probability(trees: LGBMClassifier, values: pd.DataFrame) -> NDArray[np.float64]:
    return np.asarray(trees.predict_proba(values.to_numpy(np.float32)))[:, 1]


def f1_lost(falls: pd.DataFrame, resamples: int) -> dict[str, Interval]:
    """The out-of-fold F1 (threshold 0.5) that each permuted feature costs, with paired intervals over patches."""
    labels, whole = falls["label"].to_numpy(np.int8), falls["probability"].to_numpy() >= 0.5
    left = {name: falls["probability"].to_numpy() - falls[name].to_numpy() >= 0.5 for name in FEATURES}
    lost = {name: f1_difference(labels, whole, decided, resamples) for name, decided in left.items()}
    more = {f"{name} minus optical": f1_difference(labels, left["optical"], left[name], resamples) for name in RIVALS}
    return lost | more


def alone(table: pd.DataFrame, falls: pd.DataFrame, resamples: int) -> pd.DataFrame:
    """Trees fitted on the statistics of one group only: what it knows by itself, not what trees lean on when they have all.

    Args:
        table: as given to `permuted`.
        falls: what `permuted` gave, for the trees that have all 85.
        resamples: of the intervals.

    Returns:
        Out-of-fold F1 (threshold 0.5) and AUROC of all, optical and SAR statistics, and the difference of the last two in F1.
    """
    labels = table["label"].to_numpy(np.int8)
    probabilities = {"all bands": falls["probability"].droplevel("fold").loc[table["ID"]].to_numpy()}
    probabilities |= {
        f"{name} only": trees_out_of_fold(table, columns=columns_of(BANDS.groups[name])) for name in ("optical", "SAR")
    }
    rows: dict[str, dict[str, Interval]] = {
        name: {
            "F1": f1_interval(labels, probability >= 0.5, resamples),
            "AUROC": auroc_interval(labels, probability, min(resamples, 300)),
        }
        for name, probability in probabilities.items()
    }
    optical, radar = (probabilities[f"{name} only"] >= 0.5 for name in ("optical", "SAR"))
    rows["SAR minus optical"] = {"F1": f1_difference(labels, radar, optical, resamples)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("LightGBM on")


def sets(falls: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What `occlusion.picture` draws of them: landslide patches as in the paper, hits and false alarms."""
    return {"landslides": landslides(falls)} | alarms(falls)


def table(sets: Mapping[str, pd.DataFrame], lost: Mapping[str, Interval], resamples: int) -> pd.DataFrame:
    """`occlusion.table` of these sets, and what each band and group costs in F1."""
    return occlusion.table(sets, resamples).assign(**{"F1 lost": pd.Series(lost, dtype=object)})


def evidence(
    falls: pd.DataFrame, lost: Mapping[str, Interval], alone: pd.DataFrame, resamples: int
) -> dict[str, Interval]:
    """All that real patches say of SAR against optical, by what was measured; positive: SAR matters more.

    Args:
        falls: what `permuted` gave.
        lost: what `f1_lost` made of it.
        alone: what `alone` gave.
        resamples: of the intervals.
    """
    landslide_falls = against_optical(landslides(falls), BANDS, resamples)
    differences = {f"fall of landslides, {name}": value for name, value in landslide_falls.items()}
    differences |= {f"F1 lost, {name}": lost[f"{name} minus optical"] for name in RIVALS}
    return differences | {"F1 of LightGBM fitted on SAR only": alone["F1"]["SAR minus optical"]}
