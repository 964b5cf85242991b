"""Heads on embeddings: SVM and LightGBM in the place of the network's fully connected layer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from landslide_nb.common.arrays import Scores, Values


def svm_c_path(
    embeddings: NDArray[np.float32], labels: NDArray[np.int8], train: NDArray[np.int64], cs: Sequence[float]
) -> dict[float, Scores]:
    """Decisions for all patches by SVMs fitted on the training patches only; those of `heads.svm(c)` for each C.

    Args:
        embeddings: `(N, D)`.
        labels: `(N,)`; only those of `train` are looked at.
        train: indices of the training patches.
        cs: values of C.

    Returns:
        for each C, margins `(N,)`, positive where a landslide is seen. The kernel takes 8 N · len(train) bytes.
    """
    scaled = StandardScaler().fit(embeddings[train]).transform(embeddings).astype(np.float64)
    spread = scaled[train].var()
    gamma = 1 / (scaled.shape[1] * spread) if spread else 1.0  # what SVC calls "scale"
    kernel = rbf_kernel(scaled, scaled[train], gamma=gamma)
    among = kernel[train]
    return {c: SVC(C=c, kernel="precomputed").fit(among, labels[train]).decision_function(kernel) for c in cs}


def svm(c: float) -> Pipeline:
    """An SVM with a radial kernel on standardised embeddings; smaller `c` regularises more (the paper's §3)."""
    return make_pipeline(StandardScaler(), SVC(C=c, kernel="rbf", gamma="scale"))


def lightgbm(seed: int, **parameters: Any) -> LGBMClassifier:
    """Gradient-boosted trees: 200 of them, otherwise LightGBM's defaults; the same seed gives the same trees."""
    defaults = {"n_estimators": 200, "learning_rate": 0.05, "verbose": -1, "n_jobs": 1}
    return LGBMClassifier(**(defaults | parameters), random_state=seed, deterministic=True)


def decide(head: Pipeline | LGBMClassifier, embeddings: NDArray[np.float32]) -> Scores:
    """Scores that are positive where the head says landslide: the SVM's margin, or the trees' log-odds."""
    if isinstance(head, LGBMClassifier):
        return np.asarray(head.predict_proba(embeddings, raw_score=True), np.float64)
    return np.asarray(head.decision_function(embeddings), np.float64)


def log_odds_of(probabilities: Values) -> Scores:
    """The log-odds of probabilities that are not 0 or 1; these become ±27.6."""
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1 - 1e-12)
    return np.log(p / (1 - p))
