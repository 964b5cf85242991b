"""What oversampling before the split leaks: scores that look better than they are, and by how much."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from landslide_nb.augment.smote import with_validation_parent
from landslide_nb.chapters.c02.oversampling import blended
from landslide_nb.common.arrays import Labels, Scores
from landslide_nb.data.patches import Patches
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.results import out_of_fold
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.metrics.bootstrap import Interval
from landslide_nb.training.fold import device, synthetic_rows
from landslide_nb.training.loop import predict


def leak(studies: Mapping[str, Study], results: Mapping[str, Sequence[Result]], patches: Patches) -> pd.DataFrame:
    """What SMOTE in the right and in the wrong place seems to give, and what it gives; last weights, threshold 0.5.

    Args:
        studies: with SMOTE inside the folds, then before the split, by name.
        results: of each, fold by fold.
        patches: of the studies.

    Returns:
        A row for each and one for the difference of the two, resampled together. "out-of-fold F1" is over real patches.
        "with synthetic patches" adds the synthetic patches that fall to validation, as positives. "hold-out F1" is that of
        the folds' networks, each alone, so that it can be compared; "optimism" is out-of-fold minus hold-out F1.
    """
    drawn, rows = {}, {}
    for name, folds in results.items():
        drawn[name] = _leak_scores(studies[name], folds, patches)
        parents = [(r.first[len(r.train) :], r.second[len(r.train) :], r.validation) for r in folds]
        rows[name] = {
            "synthetic rows": sum(len(first) for first, *_ in parents),
            "with a validation parent": sum(with_validation_parent(*parts) for parts in parents),
        }
    wrong, right = list(drawn)[::-1]
    # Validation with synthetic patches is on other patches than those of the other row: there is no difference to resample.
    same = [column for column in drawn[right] if column != "with synthetic patches"]
    drawn["difference"] = {column: drawn[wrong][column] - drawn[right][column] for column in same}
    rows["difference"] = {column: rows[wrong][column] - rows[right][column] for column in rows[right]}
    table = {name: rows[name] | {column: _interval(v) for column, v in drawn[name].items()} for name in rows}
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("SMOTE")


def _leak_scores(study: Study, results: Sequence[Result], patches: Patches) -> dict[str, Scores]:
    """F1 in each way of scoring: the estimate, then its bootstrap resamples `(1 + resamples,)`."""
    labels, resamples = patches.known_labels, study.resamples
    indices, probabilities = out_of_fold(results)
    decided = [probabilities >= 0.5]
    scores = {"out-of-fold F1": _f1_draws(labels[indices], np.array(decided), resamples, seed=0)}
    synthetic = _on_synthetic_validation(study, patches, results)
    everyone = np.concatenate([*decided, synthetic])
    truth = np.concatenate([labels[indices], np.ones(len(synthetic), np.int8)])
    scores["with synthetic patches"] = _f1_draws(truth, everyone[None], resamples, seed=0)
    test = results[0].test
    if len(test):
        alone = np.array([result.probabilities[test] >= 0.5 for result in results])
        scores["hold-out F1"] = _f1_draws(labels[test], alone, resamples, seed=1)
        scores["optimism"] = scores["out-of-fold F1"] - scores["hold-out F1"]
    return scores


def _on_synthetic_validation(study: Study, patches: Patches, results: Sequence[Result]) -> NDArray[np.bool_]:
    """What each fold's network says of the synthetic patches that fall to its validation part."""
    decided = [np.empty(0, bool)]
    for fold in range(len(results)):
        run = Run(study, fold)
        rows = synthetic_rows(run.settings, patches, run.data[1], fold, "validation")
        if len(rows):
            network, scaler = run.model()
            bands = torch.from_numpy(blended(patches.pixels, rows)).to(device())
            decided.append(predict(network.to(device()), bands, study.settings, scaler)[0] >= 0)
    return np.concatenate(decided)


def _f1_draws(labels: Labels, predicted: NDArray[np.bool_], resamples: int, seed: int) -> Scores:
    """F1 of predictions `(F, N)`, counted together, then that of bootstrap resamples of the N patches.

    The same seed draws the same patches: subtracting two such arrays compares them on each resample.
    """
    rng, n = np.random.default_rng(seed), len(labels)
    hits, total = (predicted & (labels == 1)).sum(0), predicted.sum(0) + len(predicted) * (labels == 1)
    drawn = (rng.integers(n, size=n) for _ in range(resamples))
    counts = [(hits.sum(), total.sum()), *((hits[i].sum(), total[i].sum()) for i in drawn)]
    return np.array([2 * hit / max(everything, 1) for hit, everything in counts])


def _interval(draws: Scores) -> Interval:
    """The estimate and its 95 % percentile interval."""
    return Interval(float(draws[0]), *map(float, np.percentile(draws[1:], (2.5, 97.5))))
