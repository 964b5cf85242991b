"""Scores of one or two predictions of the same patches."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binom
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from landslide_nb.common.arrays import Labels, Values


def mcnemar(labels: Labels, predicted: ArrayLike, reference: ArrayLike) -> float:
    """Mid-p value of McNemar's exact test: are two predictions of the same patches wrong equally often?

    Twice the tail of the patches that only one gets right, but for half of the outcome itself (Fagerland, Lydersen and Laake
    2013): the exact test rejects too rarely. 1 where both are right and wrong together.
    """
    right, other = (np.asarray(decided, bool) == (labels == 1) for decided in (predicted, reference))
    only, only_other = int((right & ~other).sum()), int((~right & other).sum())
    fewer, coin = min(only, only_other), binom(only + only_other, 0.5)
    return float(2 * coin.cdf(fewer) - coin.pmf(fewer))


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
