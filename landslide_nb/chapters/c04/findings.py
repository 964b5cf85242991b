"""What chapter 04 found, said with the numbers that it computed, beside what the paper found."""

from collections.abc import Sequence

import pandas as pd
from IPython.display import Markdown

from landslide_nb.display.wording import by_name, excludes_zero, in_words, sentences
from landslide_nb.metrics.bootstrap import Interval


def backbones(size: pd.DataFrame, score: pd.DataFrame, weights: pd.DataFrame) -> Markdown:
    """Chapter 04: which backbone leads, what size and pretraining buy, and what that says of the paper's claims."""
    test, train, difference = (by_name(score, column) for column in ("test F1", "train F1", "difference"))
    auroc = by_name(score, "AUROC")
    millions = by_name(size, "parameters (M)")
    order = sorted(test, key=lambda name: -test[name].value)
    significant = [f"`{name}` ({difference[name].value:+.3f})" for name in order if excludes_zero(difference[name])]
    large, small = (choose(millions, key=lambda name: millions[name]) for choose in (max, min))
    widest = max(order, key=lambda name: train[name].value - test[name].value)
    gain, ranked = weights["difference"].iloc[-1], weights["difference in AUROC"].iloc[-1]
    lines = [
        f"- Highest test F1: `{order[0]}` with {test[order[0]]}. {len(significant)} of {len(order) - 1} others differ from the study's own"
        f" backbone (the 95 % interval excludes 0){': ' if significant else ''}{', '.join(significant)}.",
        f"- The largest, `{large}` ({millions[large]:.1f} M parameters), has {test[large]}, and AUROC {auroc[large]}; the smallest,"
        f" `{small}` ({millions[small]:.1f} M), {test[small]} and {auroc[small]}. The widest gap between train and test F1 is that of"
        f" `{widest}`: {train[widest].value - test[widest].value:+.3f}.",
    ]
    ranks = "".join(
        _rank(*family, order) for family in (("efficientnetv2", "EfficientNetV2"), ("inception", "Inception"))
    )
    if test[order[0]].value == 0:
        lines, ranks = ["- No backbone finds a single landslide of the test part: there is nothing to rank."], ""
    lines += [
        f"- **ImageNet against none** ({weights.index.name}): {_signed(gain)} in test F1, {in_words(gain)}; {_signed(ranked)} in AUROC,"
        f" {in_words(ranked)}.",
        "- In the paper EfficientNetV2-L scores highest of all that it compares, and InceptionV3 lower, all with ImageNet weights and on"
        f" the challenge's own test part.{ranks}{_starts(size)}",
    ]
    return sentences("\n".join(lines))


def _signed(interval: Interval) -> str:
    return f"{interval.value:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"


def _starts(size: pd.DataFrame) -> str:
    """A warning where networks do not start alike."""
    if size["weights"].nunique() == 1:
        return ""
    return " Where networks start from different weights, as in the table, this tests the start as much as the network."


def _rank(part: str, family: str, order: Sequence[str]) -> str:
    """Where the best of a family comes in among all; nothing where none is there."""
    places = [place for place, name in enumerate(order, 1) if part in name and not name.startswith("unet:")]
    return f" Here {family} (`{order[places[0] - 1]}`) is number {places[0]} of {len(order)}." if places else ""
