"""The simulator's parameters from a table of real statistics: where rows are drawn from, and what looks like a landslide."""

from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

from landslide_nb.common.errors import DataError
from landslide_nb.simulation.appearance import Evidence
from landslide_nb.simulation.draw import SCORES, Simulator
from landslide_nb.simulation.relative import DRAWN, relative

# Components of the mixtures for patches without and with a landslide, and what is added to their variances: with fewer,
# the simulated classes are further apart than the real ones; more would not fit into 500 KB.
COMPONENTS: Final = (48, 13)
REGULARISATION: Final = 3e-3


def fit(table: pd.DataFrame, seed: int = 0) -> Simulator:
    """The model of a table of real statistics.

    Args:
        table: as `statistics.read` gives it.
        seed: of the mixtures.

    Raises:
        DataError: if a class has too few rows for its mixture.
    """
    labels = table["label"].to_numpy()
    for label, components in enumerate(COMPONENTS):
        if (labels == label).sum() < 2 * components:
            shortage = f"{(labels == label).sum()} rows of label {label}"
            raise DataError(f"the table has {shortage}; a simulator needs at least {2 * components}")
    values = relative(table).to_numpy()
    scores = norm.ppf((rankdata(values, axis=0) - 0.5) / len(values))
    mixtures = [
        GaussianMixture(components, reg_covar=REGULARISATION, random_state=seed).fit(scores[labels == label])
        for label, components in enumerate(COMPONENTS)
    ]
    factors = np.concatenate([np.linalg.cholesky(mixture.covariances_) for mixture in mixtures])
    return Simulator(
        np.quantile(values, norm.cdf(SCORES), axis=0).T.astype(np.float32),
        np.repeat([0, 1], COMPONENTS).astype(np.int8),
        np.concatenate([mixture.weights_ for mixture in mixtures]),
        np.concatenate([mixture.means_ for mixture in mixtures]).astype(np.float32),
        factors[:, *np.tril_indices(len(DRAWN))].astype(np.float16),
    )


def fit_evidence(table: pd.DataFrame) -> Evidence:
    """The logistic regression of labels on statistics that says how much a row looks like a landslide.

    Args:
        table: as `statistics.read` gives it.
    """
    values = relative(table).to_numpy()
    quantiles = np.quantile(values, norm.cdf(SCORES), axis=0).T
    scores = np.stack([np.interp(column, knots, SCORES) for column, knots in zip(values.T, quantiles, strict=True)], 1)
    model = LogisticRegression(C=0.1, max_iter=1000).fit(scores, table["label"])
    weights = model.coef_[0].astype(np.float32)
    return Evidence(quantiles.astype(np.float32), weights, float(model.intercept_[0]), float(SCORES[-1]))
