"""Heads on the 85 statistics of a patch, put together and cut where F1 is expected to be highest.

Every choice is made on the patches that a stack is fitted on: its members' scores of these, each by members that did not see the
patch (inner folds), are what the logistic regression that weighs the members is fitted to, and what the threshold comes from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline as balanced
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer, StandardScaler
from sklearn.svm import SVC

from landslide_nb.common.arrays import Features, Labels, Scores
from landslide_nb.common.errors import DataError
from landslide_nb.data.splits import rarest
from landslide_nb.metrics.thresholds import expected_f1_threshold
from landslide_nb.models import heads
from landslide_nb.tabular.ratios import NAMES, derive, of_radar

Head = Any  # an estimator of scikit-learn or LightGBM, or a pipeline that ends with one
INNER: Final = 5
BOTH: Final = ("LightGBM, ratios", "SVM, ratios")


class Relevance(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Stretch the columns that trees find useful, so that distances between rows, a kernel's food, count them more.

    Each column is multiplied by its gain over the mean gain, to a power well below one; a useless column keeps little, no column
    is thrown away.
    """

    def __init__(self, power: float = 0.15, seed: int = 0) -> None:
        self.power, self.seed = power, seed

    def fit(self, values: Features, labels: Labels) -> Self:
        """Grow the trees; randomised splits share the gain between columns that say the same."""
        trees = heads.lightgbm(
            self.seed, n_estimators=150, colsample_bytree=0.1, num_leaves=15, extra_trees=True, importance_type="gain"
        )
        gain = trees.fit(values, labels).feature_importances_.astype(np.float64)
        self.weights_ = np.minimum(gain / max(gain.mean(), 1e-12), 20) ** self.power
        return self

    def transform(self, values: Features) -> Features:
        """Stretch the columns of `(N, F)`."""
        stretched: Features = values * self.weights_
        return stretched


OPTICAL_COLUMNS, RADAR_COLUMNS = (
    np.flatnonzero([of_radar(name) == radar for name in NAMES]) for radar in (False, True)
)


def by_sensor(rows: Features, fitted: Features) -> Scores:
    """A radial kernel of all columns, half of it, and one of each sensor's columns, a quarter each.

    Two patches are alike as a whole, or in what one sensor sees of them: clouds need not hide a likeness that radar shows.

    Args:
        rows: `(N, F)` in the order of `ratios.NAMES`.
        fitted: `(M, F)`, the rows that the SVM was fitted on; distances are in units of their spread.

    Returns:
        `(N, M)`.
    """
    groups = (np.arange(fitted.shape[1]), OPTICAL_COLUMNS, RADAR_COLUMNS)
    each = [
        rbf_kernel(rows[:, group], fitted[:, group], gamma=1 / (len(group) * max(fitted[:, group].var(), 1e-12)))
        for group in groups
    ]
    kernel: Scores = each[0] / 2 + (each[1] + each[2]) / 4
    return kernel


def members(seed: int = 0) -> dict[str, Head]:
    """The heads by name, unfitted; each takes the 85 statistics `(N, 85)`."""
    grown = {"n_estimators": 1000, "learning_rate": 0.04, "colsample_bytree": 0.2, "min_child_samples": 10}
    trees = heads.lightgbm(seed, **grown, subsample=0.8, subsample_freq=1)
    normal = QuantileTransformer(n_quantiles=300, output_distribution="normal", random_state=seed)
    return {
        "LightGBM, 85 statistics": heads.lightgbm(seed),
        "LightGBM, SMOTE": balanced(SMOTE(random_state=seed), heads.lightgbm(seed)),
        "SVM, 85 statistics": heads.svm(3.0),
        "LightGBM, ratios": make_pipeline(FunctionTransformer(derive), trees),
        "SVM, ratios": make_pipeline(
            FunctionTransformer(derive), normal, StandardScaler(), Relevance(seed=seed), SVC(C=5.0, kernel=by_sensor)
        ),
    }


def score(head: Head, values: Features) -> Scores:
    """Log-odds of trees, the margin of an SVM: any real number, larger where a landslide is likelier."""
    if hasattr(head, "decision_function"):
        return np.asarray(head.decision_function(values), np.float64)
    return heads.log_odds_of(np.asarray(head.predict_proba(values))[:, 1])


def inner_scores(head: Head, values: Features, labels: Labels, seed: int) -> Scores:
    """The score of each row by a copy of the head that was fitted without it.

    Raises:
        DataError: if a class has fewer rows than there are inner folds.
    """
    fewest, kind = rarest(labels)
    if fewest < INNER:
        raise DataError(
            f"{fewest} of the {len(labels)} rows to fit on are {kind}; expected at least {INNER}, to choose a threshold inside:"
            f" add patches {kind}"
        )
    cutter = StratifiedKFold(INNER, shuffle=True, random_state=seed)
    method = "decision_function" if hasattr(head, "decision_function") else "predict_proba"
    predicted = np.asarray(cross_val_predict(clone(head), values, labels, cv=cutter, method=method), np.float64)
    return predicted if predicted.ndim == 1 else heads.log_odds_of(predicted[:, 1])


@dataclass(frozen=True, eq=False)
class Combiner:
    """Scores of members to a probability, and the probability from which a patch is called a landslide."""

    weigh: LogisticRegression
    threshold: float

    @classmethod
    def fit(cls, scores: Scores, labels: Labels) -> Self:
        """From inner scores `(N, M)`: a logistic regression, which also calibrates, and a threshold."""
        weigh = LogisticRegression().fit(scores, labels)
        return cls(weigh, expected_f1_threshold(weigh.predict_proba(scores)[:, 1]))

    @classmethod
    def cross_fit(cls, scores: Sequence[Scores], labels: Sequence[Labels]) -> list[Self]:
        """For each fold a combiner that was fitted to all other folds' validation patches, so that it may score its own.

        Args:
            scores: of each fold's validation patches, `(n, M)`.
            labels: of each fold's validation patches, `(n,)`.
        """
        others = [[other for other in range(len(scores)) if other != fold] for fold in range(len(scores))]
        return [
            cls.fit(np.concatenate([scores[k] for k in rest]), np.concatenate([labels[k] for k in rest]))
            for rest in others
        ]

    def probabilities(self, scores: Scores) -> Scores:
        """Probabilities `(N,)` of scores `(N, M)`."""
        return np.asarray(self.weigh.predict_proba(scores)[:, 1], np.float64)


@dataclass(frozen=True, eq=False)
class Stack:
    """Fitted members and how they are put together."""

    heads: Sequence[Head]
    combiner: Combiner

    @classmethod
    def fit(cls, values: Features, labels: Labels, chosen: Mapping[str, Head] | None = None, seed: int = 0) -> Self:
        """Fit members and combiner to statistics `(N, 85)` and labels `(N,)`.

        Args:
            values: the statistics, in the order of `statistics.COLUMNS`.
            labels: 0 or 1.
            chosen: the members; LightGBM and SVM on ratios if not said.
            seed: of the members and of the inner folds.
        """
        used = list((chosen or {name: members(seed)[name] for name in BOTH}).values())
        inner = np.column_stack([inner_scores(head, values, labels, seed) for head in used])
        return cls([clone(head).fit(values, labels) for head in used], Combiner.fit(inner, labels))

    def probabilities(self, values: Features) -> Scores:
        """Probabilities of a landslide `(N,)` for statistics `(N, 85)`."""
        return self.combiner.probabilities(np.column_stack([score(head, values) for head in self.heads]))

    def decide(self, values: Features) -> NDArray[np.bool_]:
        """Whether each row is called a landslide."""
        return np.asarray(self.probabilities(values) >= self.combiner.threshold)
