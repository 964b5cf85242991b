"""What chapter 07 found, said with the numbers that it computed, beside what the paper found."""

from typing import Any

import pandas as pd
from IPython.display import Markdown

from landslide_nb.display.wording import in_words, reach, sentences
from landslide_nb.metrics.bootstrap import Interval


def maps(table: pd.DataFrame) -> Markdown:
    """Chapter 07: how far the classes come apart, and how much of it is the seed (`maps.stability`)."""
    rows: Any = table.to_dict("index")
    *names, difference = rows
    places = ("in the embedding", "in the map")
    lines = [
        f"- Unseen patches of the **{name}** on their class's side, averaged over the classes (half is chance):"
        f" {rows[name][places[0]]:.0%} {places[0]}, {rows[name][places[1]]:.0%} {places[1]}; there {_reach(rows[name]['over seeds'])}"
        f" depending on UMAP's seed, {_reach(rows[name]['over folds'])} depending on the fold."
        for name in names
    ]
    apart = "; ".join(
        f"{place} {rows[difference][place]:+.0%}, {in_words(rows[difference][place])}" for place in places
    )
    shared, trust = (
        " and ".join(f"{rows[name][column].value:{spec}} ({name})" for name in names)
        for column, spec in (("neighbours that seeds share", ".0%"), ("trustworthiness", ".2f"))
    )
    lines += [
        f"- {difference.capitalize()}: {apart}. The paper sees clearer regions for its best model, in one map of each and"
        " without a number.",
        f"- Two seeds agree on {shared} of a patch's nearest neighbours (by chance {rows[names[0]]['by chance']:.0%});"
        f" trustworthiness is {trust}. So a map illustrates and does not prove: what is near is partly the seed's choice.",
    ]
    return sentences("\n".join(lines))


def _reach(values: Interval) -> str:
    return reach((values.low, values.high), ".0%")
