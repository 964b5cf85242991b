"""What a run has come to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from landslide_nb.common.arrays import Indices, Scores
from landslide_nb.data.patches import Names
from landslide_nb.experiments.archive import Published


@dataclass(frozen=True, eq=False)
class Result:
    """What a run has come to. N is the number of all labelled patches.

    Attributes:
        log_odds: float32 `(N,)` of a landslide, by the last weights; the fold's validation patches may be scored by these.
        best_log_odds: float32 `(N,)` by the weights of the best validation F1; for the hold-out test only.
        embeddings: float32 `(N, D)` by the last weights; of a published run `(0, 0)`.
        first, second, weight: the training table; empty of a published run.
        history: one row an epoch.
        seconds: of training and prediction.
        train: indices of the fold's training patches.
        validation: of its validation patches.
        test: of the hold-out test patches.
        folder: where it is kept.
        groups: `(N,)`, the block of ground of each patch; None where every patch stands alone.
        decisions: of a published run, those of heads on its embeddings, by name, `(N,)`; positive where they say landslide.
    """

    log_odds: NDArray[np.float32]
    best_log_odds: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weight: NDArray[np.float32]
    history: pd.DataFrame
    seconds: float
    train: Indices
    validation: Indices
    test: Indices
    folder: Path
    groups: Names | None = None
    decisions: Mapping[str, Scores] = field(default_factory=dict)

    @classmethod
    def of_published(cls, there: Published, folder: Path, parts: Mapping[str, Any]) -> Self:
        """The result of a published run.

        Args:
            there: what is published of it.
            folder: where it is.
            parts: train, validation, test and groups.
        """
        nothing = np.empty(0, np.int64)
        return cls(
            log_odds=there.log_odds,
            best_log_odds=there.best_log_odds,
            embeddings=np.empty((0, 0), np.float32),
            first=nothing,
            second=nothing,
            weight=np.empty(0, np.float32),
            history=there.history,
            seconds=float(there.record["run_seconds"]),
            folder=folder,
            decisions=there.decisions,
            **parts,
        )

    @property
    def probabilities(self) -> Scores:
        """Of a landslide, `(N,)`, by the last weights."""
        return np.asarray(expit(self.log_odds.astype(np.float64)))

    @property
    def best_probabilities(self) -> Scores:
        """Of a landslide, `(N,)`, by the weights of the best validation F1."""
        return np.asarray(expit(self.best_log_odds.astype(np.float64)))
