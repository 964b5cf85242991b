"""Chapter 05: curves of the scores, and last weights against the best ones."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from landslide_nb.common.arrays import Labels
from landslide_nb.display.picture import BLUE, GREY, ORANGE, Picture, panels
from landslide_nb.experiments.comparisons import tested
from landslide_nb.experiments.result import Result


def curves(results: Mapping[str, Sequence[Result]], labels: Labels, of: str) -> Picture:
    """ROC and precision over recall of two rows, a line for each replicate; a dot where 0.5 lies.

    Args:
        results: of two rows, by name.
        labels: `(N,)`.
        of: what the patches are.
    """
    figure, axes = panels(1, 2, 3.7, 3.2)
    roc, precision, parts = axes[0, 0], axes[0, 1], []
    for (name, folds), colour, line in zip(results.items(), (BLUE, ORANGE), ("-", "--"), strict=False):
        scores = []
        for log_odds, part, label in zip(*tested(folds), [name, *[None] * (len(folds) - 1)], strict=True):
            truth, said = labels[part], log_odds[part]
            false, true, _ = roc_curve(truth, said)
            roc.plot(false, true, line, color=colour, lw=0.9, label=label)
            precise, recalled, _ = precision_recall_curve(truth, said)
            precision.plot(recalled, precise, line, color=colour, lw=0.9)
            called, hits = said >= 0, (said >= 0) & (truth == 1)
            recall = hits.sum() / truth.sum()
            roc.plot((called.sum() - hits.sum()) / (truth == 0).sum(), recall, "o", color=colour, ms=4)
            precision.plot(recall, hits.sum() / max(called.sum(), 1), "o", color=colour, ms=4)
            scores.append((roc_auc_score(truth, said), average_precision_score(truth, said)))
        area, average = np.mean(scores, 0)
        parts.append(f"{name}: AUROC {area:.3f}, average precision {average:.3f}")
    roc.set(
        xlabel="false alarms among patches without", ylabel="landslides found (recall)", xlim=(-0.01, 1), ylim=(0, 1.01)
    )
    precision.set(xlabel="landslides found (recall)", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.01))
    roc.legend(loc="lower right")
    text = "; ".join(parts)
    caption = f"ROC, and precision over recall, of each network on {of}; dots: a probability of 0.5. Means: {text}."
    return Picture(figure, "fig-curves", f"Two panels of curves near their upper corners. {text}.", caption)


def last_against_best(table: pd.DataFrame) -> Picture:
    """What choosing the best epoch seems to give and what it gives; `table` as `selection` makes it."""
    tested = "optimism" in table
    figure, axes = panels(1, 2, 3.6, 0.9 + 0.36 * len(table), sharey=True)
    series = [("on the validation fold", "validation", "^", ORANGE, 0.15)]
    series += [("on the hold-out test", "test", "o", BLUE, -0.15)] if tested else []
    for label, of, marker, colour, shift in series:
        _points(axes[0, 0], table[f"{of} F1, best"], marker, colour, shift, label)
        _points(axes[0, 1], table[f"{of}: best − last"], marker, colour, shift, label)
    axes[0, 0].set_yticks(range(len(table))[::-1], list(table.index))
    axes[0, 0].set(xlabel="F1 by the best weights", ylim=(-0.5, len(table) - 0.5))
    axes[0, 1].set_xlabel("F1 by the best minus by the last")
    axes[0, 1].axvline(0, color=GREY, lw=0.8)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    text = "; ".join(
        f"{name}: " + ", ".join(f"{of} {row[f'{of}: best − last'].value:+.2f}" for _, of, *_ in series)
        for name, row in table.iterrows()
    )
    caption = (
        "Left: F1 of each fold's best weights where they were chosen, and where they were not. Right: what choosing them adds to"
        " the last epoch's. Means over folds of single networks, 95 % intervals."
    )
    return Picture(figure, "fig-last-best", f"F1 by best weights minus by last ones. {text}.", caption)


def _points(axis: Axes, values: pd.Series, marker: str, colour: str, shift: float, label: str) -> None:
    value, low, high = np.array([tuple(each) for each in values]).T
    error = np.array([value - low, high - value]).clip(min=0)
    y = np.arange(len(values))[::-1] + shift
    axis.errorbar(value, y, xerr=error, fmt=marker, color=colour, capsize=2, ms=5, label=label)
