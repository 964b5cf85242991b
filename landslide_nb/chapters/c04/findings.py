"""What chapter 04 found, said with the numbers that it computed, beside what the paper found."""

from collections.abc import Sequence

import pandas as pd
from IPython.display import Markdown

from landslide_nb.display.wording import by_name, excludes_zero, in_words, sentences


def backbones(size: pd.DataFrame, score: pd.DataFrame, weights: pd.DataFrame) -> Markdown:
    """Chapter 04: which backbone leads, what size and pretraining buy, and what that says of the paper's claims."""
    test, train, difference = (by_name(score, column) for column in ("test F1", "train F1", "difference"))
    millions = by_name(size, "parameters (M)")
    order = sorted(test, key=lambda name: -test[name].value)
    significant = [f"`{name}` ({difference[name].value:+.3f})" for name in order if excludes_zero(difference[name])]
    large, small = (choose(millions, key=lambda name: millions[name]) for choose in (max, min))
    widest = max(order, key=lambda name: train[name].value - test[name].value)
    gain = weights["difference"].iloc[-1]
    lines = [
        f"- Highest test F1: `{order[0]}` with {test[order[0]]}. {len(significant)} of {len(order) - 1} others differ from the study's own"
        f" backbone (the 95 % interval excludes 0){': ' if significant else ''}{', '.join(significant)}.",
        f"- The largest, `{large}` ({millions[large]:.1f} M parameters), has {test[large]}; the smallest, `{small}`"
        f" ({millions[small]:.1f} M), {test[small]}. The widest gap between train and test F1 is that of `{widest}`:"
        f" {train[widest].value - test[widest].value:+.3f}.",
    ]
    ranks = f" {_rank('efficientnetv2', 'EfficientNetV2', order)} {_rank('inception', 'Inception', order)}"
    if test[order[0]].value == 0:
        lines, ranks = ["- No backbone finds a single landslide of the test part: there is nothing to rank."], ""
    lines += [
        f"- **ImageNet against none** ({weights.index.name}): {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] in test F1,"
        f" {in_words(gain)}.",
        "- In the paper EfficientNetV2-L scores highest of all that it compares, and InceptionV3 lower, all with ImageNet weights and on"
        f" the challenge's own test part.{ranks} Where networks start from different weights, as in the table, this tests the start as"
        " much as the network.",
    ]
    return sentences("\n".join(lines))


def _rank(part: str, family: str, order: Sequence[str]) -> str:
    """Where the best of a family comes in among all."""
    places = [place for place, name in enumerate(order, 1) if part in name and not name.startswith("unet:")]
    if not places:
        return f"No {family} is among these."
    return f"Here {family} (`{order[places[0] - 1]}`) is number {places[0]} of {len(order)}."
