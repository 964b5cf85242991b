"""Heads on embeddings: SVM and LightGBM in the place of the network's fully connected layer."""

from typing import Any

import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

Scores = NDArray[np.float64]


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


def fc_decision(probabilities: NDArray[np.floating]) -> Scores:
    """The same for the network's own layer: the log-odds of its probability."""
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1 - 1e-12)
    return np.log(p / (1 - p))
