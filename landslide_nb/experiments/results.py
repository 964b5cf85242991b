"""How the folds' predictions are put together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from landslide_nb.common.arrays import Values
from landslide_nb.experiments.result import Result


def out_of_fold(results: Sequence[Result]) -> tuple[NDArray[np.int64], Values]:
    """Each patch outside the test part, predicted by the fold that did not train on it, by its last weights.

    Returns:
        indices of the patches, sorted, and their probabilities.
    """
    indices = np.concatenate([result.validation for result in results])
    probabilities = np.concatenate([result.probabilities[result.validation] for result in results])
    order = np.argsort(indices)
    return indices[order], probabilities[order]


def hold_out(results: Sequence[Result], best: bool = True) -> tuple[NDArray[np.int64], Values]:
    """The test part, predicted by the mean of the folds' networks.

    Args:
        results: one a fold.
        best: each fold's weights of best validation F1, as in the paper, or its last ones.
    """
    probabilities = [result.best_probabilities if best else result.probabilities for result in results]
    return results[0].test, np.mean([p[results[0].test] for p in probabilities], axis=0)


def reported(results: Sequence[Result]) -> tuple[NDArray[np.int64], Values]:
    """What a table shows as test: the hold-out part where there is one, else out of fold."""
    return hold_out(results) if len(results[0].test) else out_of_fold(results)
