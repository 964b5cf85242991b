"""The heads of Table 3 on real patches, their 85 statistics in the place of an embedding: scores that a decision needs."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, precision_score, recall_score

from landslide_nb.common.arrays import Scores
from landslide_nb.metrics.bootstrap import auroc_interval, f1_difference, f1_interval
from landslide_nb.metrics.calibration import calibration_error
from landslide_nb.tabular.nested import PLAIN, STACK, OutOfFold


def compare(out_of_fold: OutOfFold, resamples: int) -> pd.DataFrame:
    """Each model's out-of-fold scores, with intervals, and its difference in F1 to plain trees on the same patches."""
    rows = {}
    for name, decided in out_of_fold.decided.items():
        probabilities = out_of_fold.probabilities[name]
        rows[name] = {
            "out-of-fold F1": f1_interval(out_of_fold.labels, decided, resamples),
            f"F1 minus that of {PLAIN}": f1_difference(
                out_of_fold.labels, decided, out_of_fold.decided[PLAIN], resamples
            ),
            "AUROC": auroc_interval(out_of_fold.labels, probabilities, min(resamples, 500)),
            "precision": precision_score(out_of_fold.labels, decided, zero_division=0),
            "recall": recall_score(out_of_fold.labels, decided, zero_division=0),
            "threshold": float(out_of_fold.thresholds[name].mean()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("head")


def calibration(out_of_fold: OutOfFold, resamples: int) -> pd.DataFrame:
    """Brier score and expected calibration error of each model, as it says itself and after recalibration inside the folds."""
    rows: dict[str, dict[str, object]] = {}
    kinds: Mapping[str, dict[str, Scores]] = {"its own": out_of_fold.raw, "recalibrated": out_of_fold.probabilities}
    for kind, by_model in kinds.items():
        for name, values in by_model.items():
            if kind == "its own" and name.startswith("SVM"):
                continue  # a margin is no log-odds
            rows[f"{name}: {kind}"] = {
                "Brier": float(brier_score_loss(out_of_fold.labels, values)),
                "expected calibration error": calibration_error(out_of_fold.labels, values, min(resamples, 500)),
                "predicted": float(values.mean()),
                "observed": float(out_of_fold.labels.mean()),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("probabilities")


def compared_probabilities(out_of_fold: OutOfFold) -> dict[str, Scores]:
    """The probabilities that the reliability diagram sets side by side."""
    smote = "LightGBM, SMOTE"
    return {
        f"{smote}: its own": out_of_fold.raw[smote],
        f"{PLAIN}: its own": out_of_fold.raw[PLAIN],
        f"{smote}: recalibrated": out_of_fold.probabilities[smote],
        f"{STACK}: recalibrated": out_of_fold.probabilities[STACK],
    }


def by_group(out_of_fold: OutOfFold, table: pd.DataFrame, resamples: int, model: str = STACK) -> pd.DataFrame:
    """Where a model fails: its out-of-fold scores on patches of one kind."""
    decided = out_of_fold.decided[model]
    rows = {}
    for name, chosen in groups(table).items():
        labels, predicted = out_of_fold.labels[chosen], decided[chosen]
        rows[name] = {
            "patches": int(chosen.sum()),
            "landslides": int(labels.sum()),
            # Without a landslide, or without one said, there is nothing to divide by: a dash, not a zero.
            "F1": f1_interval(labels, predicted, resamples) if labels.any() else np.nan,
            "precision": precision_score(labels, predicted, zero_division=np.nan),
            "recall": recall_score(labels, predicted, zero_division=np.nan),
            "false alarms": int((predicted & (labels == 0)).sum()),
            "missed": int((~predicted & (labels == 1)).sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")


def groups(table: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Kinds of patches, by their statistics: bright, wet, and those whose radar changed most."""
    change = table[["DDVV_std", "DDVH_std", "ADVV_std", "ADVH_std"]].max(axis=1)
    difference = (table["DVV_mean"] - table["AVV_mean"]).abs()
    chosen = {
        "all patches": table["label"].notna(),
        "bright: cloud or snow (mean RGB at least 4,000 DN)": table["cloud_score_brightness"] >= 4000,
        "mean NDVI below 0: water, cloud or snow": table["NDVI_mean"] < 0,
        "largest tenth of the spread of SAR change": change >= change.quantile(0.9),
        "smallest tenth of the spread of SAR change": change <= change.quantile(0.1),
        "passes differ most (largest tenth): steep ground": difference >= difference.quantile(0.9),
    }
    return {name: column.to_numpy(bool) for name, column in chosen.items()}
