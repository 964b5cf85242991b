"""Scores of a prediction."""

import pandas as pd
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from landslide_nb.common.arrays import Labels, Values


def summary(labels: Labels, probabilities: Values) -> pd.Series:
    """F1, precision and recall at 0.5, AUROC and average precision."""
    predicted = probabilities >= 0.5
    return pd.Series(
        {
            "F1": f1_score(labels, predicted, zero_division=0),
            "precision": precision_score(labels, predicted, zero_division=0),
            "recall": recall_score(labels, predicted, zero_division=0),
            "AUROC": roc_auc_score(labels, probabilities),
            "average precision": average_precision_score(labels, probabilities),
        }
    )
