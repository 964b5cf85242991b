"""From which probability on a patch is called a landslide."""

import numpy as np

from landslide_nb.common.arrays import Labels, Scores, Values


def expected_f1_threshold(probabilities: Scores) -> float:
    """Where calibrated probabilities should be cut for the highest F1: at half of the F1 that can be expected of them.

    Lipton, Elkan and Naryanaswamy (2014), Theorem 1. It uses all probabilities, not only the few next to the cut, so it wanders
    less from sample to sample than the threshold of the highest F1 that was seen.
    """
    order = np.sort(probabilities)[::-1]
    expected = 2 * order.cumsum() / (np.arange(1, len(order) + 1) + order.sum())
    return float(expected.max() / 2)


def best_threshold(labels: Labels, probabilities: Values) -> float:
    """The threshold of the highest F1 on these patches, halfway between two of their probabilities, or log-odds; the highest such one.

    Choose it on patches that were not trained on, and score it on others: on the same ones its F1 is too good.
    """
    order = np.argsort(-probabilities, kind="stable")
    ordered, hits = probabilities[order].astype(np.float64), (labels[order] == 1).cumsum()
    scores = 2 * hits / (np.arange(1, len(ordered) + 1) + max(int(hits[-1]), 1))
    scores[np.append(ordered[:-1] == ordered[1:], False)] = -1.0  # equal probabilities are said to be the same
    following = np.append(ordered[1:], min(0.0, 2 * ordered[-1]))  # below the lowest, of log-odds too
    best = int(scores.argmax())
    return float((ordered[best] + following[best]) / 2)
