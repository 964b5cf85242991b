"""One fold, from patches to everything a chapter may ask of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.augment.smote import oversample
from landslide_nb.common.cores import at_most
from landslide_nb.common.progress import Report
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.data.splits import Split
from landslide_nb.training.distributed import from_main, processes
from landslide_nb.training.loop import Trained, build, check_finite, predict, train
from landslide_nb.training.settings import Settings


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained fold.

    Attributes:
        trained: weights and history.
        rows: the training table, synthetic rows with their parents.
        scaler: as fitted on the fold's training patches.
        log_odds: float32 `(N,)` of a landslide, for all patches, by the last weights.
        best_log_odds: the same by the weights of the best validation F1.
        embeddings: float32 `(N, D)` for all patches, by the last weights.
    """

    trained: Trained
    rows: SampleTable
    scaler: Scaler
    log_odds: NDArray[np.float32]
    best_log_odds: NDArray[np.float32]
    embeddings: NDArray[np.float32]


def device() -> torch.device:
    """Where networks run: the first GPU if there is one; for processes that train together, one each."""
    own: torch.device = processes().device
    return own


def training_rows(settings: Settings, patches: Patches, split: Split, fold: int) -> SampleTable:
    """The training table of a fold: its real patches, then synthetic ones.

    Validation and test patches are held out; with `smote_scope="before_split"`, after a look at the real patches, only the
    test part is.
    """
    train_part, validation = split.folds[fold]
    held_out = np.concatenate([validation, split.test])
    labels = patches.known_labels
    rows = SampleTable.real(train_part, labels, held_out)
    if not settings.smote:
        return rows
    if settings.smote_scope == "before_split":
        rows = replace(rows, held_out=split.test)
    return rows.plus(synthetic_rows(settings, patches, split, fold))


def synthetic_rows(
    settings: Settings, patches: Patches, split: Split, fold: int, part: Literal["training", "validation"] = "training"
) -> SampleTable:
    """The synthetic rows of a fold as the settings have them: those that train, or those that validate."""
    return oversample(
        patches.pixels,
        patches.known_labels,
        split,
        fold,
        scope=settings.smote_scope,
        part=part,
        n_syn=settings.smote,
        ratio=settings.smote_ratio,
        k=settings.smote_neighbours,
        alpha=settings.smote_alpha,
        beta=settings.smote_beta,
        method=settings.smote_method,
        seed=settings.seed,
    )


def fit_fold(
    settings: Settings,
    patches: Patches,
    split: Split,
    fold: int,
    checkpoint: Path | None = None,
    report: Report = lambda line: None,
) -> Fitted:
    """Train on a fold and predict all patches.

    Args:
        settings: the run's parameters.
        patches: all labelled patches.
        split: who trains and who does not.
        fold: which fold validates.
        checkpoint: where to go on from, if it exists, and to write after each epoch.
        report: is told of each epoch.

    Raises:
        LeakError: if a training row has a held-out parent.
        RunError: if training or prediction comes to numbers that are not finite.
    """
    labels, validation = patches.known_labels, split.folds[fold][1]
    rows = from_main(lambda: training_rows(settings, patches, split, fold))
    with _reproducible(at_most(settings.threads)):  # after SMOTE, whose kernel sets the number of threads itself
        bands = settings.data_set.bands
        scaler = Scaler.fit(patches.pixels[rows.real_patches], bands, settings.channels, settings.scaling)
        pixels = torch.from_numpy(patches.pixels).to(device())
        model = build(settings).to(device())
        held_out = (validation, labels[validation])
        trained = train(model, pixels, rows, held_out, settings, scaler, checkpoint, report)
        last, embeddings = predict(model, pixels, settings, scaler)
        check_finite(last, "a patch's log-odds by the last weights", settings)
        best = last
        if trained.best is not trained.last:
            model.load_state_dict(trained.best)
            best, _ = predict(model, pixels, settings, scaler)
            check_finite(best, "a patch's log-odds by the best weights", settings)
    return Fitted(trained, rows, scaler, last, best, embeddings)


@contextmanager
def _reproducible(threads: int) -> Iterator[None]:
    """Compute with deterministic algorithms, random numbers of one's own, and so many threads; then all is as it was before.

    Sums in another order, as other threads make them, have other last digits.
    """
    before, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with torch.random.fork_rng():
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
