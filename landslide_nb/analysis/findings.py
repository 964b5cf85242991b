"""What each chapter found, said with the numbers that it computed, beside what the paper found."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from IPython.display import Markdown
from numpy.typing import NDArray

from landslide_nb.analysis.scores import Interval
from landslide_nb.augment.rows import Rows
from landslide_nb.data.bands import OPTICAL, SAR
from landslide_nb.runs import Result
from landslide_nb.study import published


def exploration(rare: pd.DataFrame, scores: Mapping[str, pd.DataFrame]) -> Markdown:
    """Chapter 01: how rare, and what plain statistics know."""
    everyone = rare.loc["all patches"]
    lines = [f"- {everyone['positive']:.1%} of the {everyone['patches']:.0f} patches here have a landslide."]
    for source, table in scores.items():
        row = table.iloc[0]
        lines.append(
            f"- {source}: plain statistics and trees reach an out-of-fold F1 of {row['out-of-fold F1']} (95 % interval)."
        )
    return Markdown("\n".join(lines))


def oversampling(rows: Rows, before: Sequence[int], leaking: int, total: int) -> Markdown:
    """Chapter 02: what SMOTE adds, and how much of it would leak."""
    share = leaking / total if total else 0.0
    return Markdown(
        f"- Inside the fold, {len(rows)} synthetic rows join {before[1]} landslide patches among {sum(before)}; every weight lies in"
        f" [{rows.weight.min():.2f}, {rows.weight.max():.2f}].\n"
        f"- Had the oversampling come before the split, {leaking} of {total} synthetic rows of the whole set ({share:.0%}) would have"
        " mixed a validation patch into training. The paper's count of synthetic patches is five for each landslide patch of the"
        " challenge's whole training set, so it oversampled before it split."
    )


def backbones(table: pd.DataFrame) -> Markdown:
    """Chapter 04: which backbone leads, and whether that can be told."""
    order = sorted(table.index, key=lambda name: -table.loc[name, "test F1"].value)
    best, second = (table.loc[name, "test F1"] for name in order[:2])
    return Markdown(
        f"- Highest test F1: `{order[0]}` with {best}, then `{order[1]}` with {second}; the intervals"
        f" {'overlap' if _overlap(best, second) else 'do not overlap'}.\n"
        "- The paper finds EfficientNetV2-L ahead of all it compares, all with ImageNet weights, on the challenge's own test part."
    )


def ablations(table: pd.DataFrame) -> Markdown:
    """Chapter 05: which changes can be told from none, here and in the paper."""
    told = [str(name) for name, row in table.iloc[1:].iterrows() if row["ours"].low > 0 or row["ours"].high < 0]
    same = [np.sign(row["ours"].value) == np.sign(row["paper"]) for _, row in table.iloc[1:].iterrows()]
    best = str(table["paper"].idxmax())
    gain = table.loc[best]
    return Markdown(
        f"- Of {len(table) - 1} changes, {len(told)} differ from the baseline by more than chance allows"
        f" (95 % paired interval){': ' + ', '.join(told) if told else ''}.\n"
        f"- {sum(same)} of {len(same)} have the sign that the paper reports. There, {best!r} gains most ({gain['paper']:+.3f});"
        f" here it is {gain['ours']:+.3f}."
    )


def heads(table: pd.DataFrame) -> Markdown:
    """Chapter 06: whether a head beats the network's own layer."""
    others = table.drop(index="FC")
    best = max(others.index, key=lambda name: others.loc[name, "ours"].value)
    difference = others.loc[best, "ours"]
    paper = published("table3")["test_f1"]
    verdict = "by more than chance allows" if difference.low > 0 else "not by more than chance allows"
    return Markdown(
        f"- Best here: {best}, {difference:+.3f} in F1 against FC: {verdict}.\n"
        f"- The paper's best head is an SVM with C = 0.1, {paper.iloc[-1] - paper.iloc[0]:+.4f} against FC, given without an interval."
    )


def maps(parts: Mapping[str, float]) -> Markdown:
    """Chapter 07: how far the classes come apart in two dimensions."""
    text = "; ".join(f"{name}: {share:.0%}" for name, share in parts.items())
    return Markdown(
        f"- Share of unseen patches on their own class's side of the boundary, averaged over the two classes: {text}.\n"
        "- The paper sees clearer regions for its best model. A map in two dimensions bends distances: it illustrates, it does not prove."
    )


def occlusion(drops: pd.DataFrame) -> Markdown:
    """Chapter 08: which bands carry the decision, optical against SAR."""
    mean = drops.mean()
    optical, radar = (mean.iloc[list(group)].sum() for group in (OPTICAL, SAR))
    first = ", ".join(f"{band} ({mean[band]:+.3f})" for band in mean.sort_values(ascending=False).index[:3])
    return Markdown(
        f"- The three bands whose loss costs most: {first}.\n"
        f"- Summed over bands, optical {optical:+.3f}, SAR {radar:+.3f}. The paper finds SAR ahead, above all the changes (Δ).\n"
        "- A band of zeros is a patch that no satellite sees, and bands that say the same hide each other's loss: this measures what"
        " this network leans on, not what the ground shows."
    )


def separation(predicted: NDArray[np.int8], labels: NDArray[np.int8]) -> float:
    """Share of patches on their class's side, averaged over classes."""
    return float(np.mean([(predicted[labels == value] == value).mean() for value in (0, 1)]))


def leaking_rows(rows: Rows, results: Sequence[Result]) -> int:
    """How many rows, made before the split, have one parent that validates a fold in which the other one trains."""
    fold = np.full(1 + max(int(r.validation.max()) for r in results), -1)
    for number, result in enumerate(results):
        fold[result.validation] = number
    return int((fold[rows.first] != fold[rows.second]).sum())


def _overlap(a: Interval, b: Interval) -> bool:
    return a.low <= b.high and b.low <= a.high
