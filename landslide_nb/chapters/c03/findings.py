"""What chapter 03 found, said with the numbers that it computed, beside what the paper found."""

from collections.abc import Callable

import pandas as pd
from IPython.display import Markdown

from landslide_nb.chapters.c03.figures import NO_RADAR
from landslide_nb.chapters.c03.tables import ERROR, Mixtures
from landslide_nb.display.wording import reach, sentences
from landslide_nb.experiments.published import published


def augmentation(cut: pd.DataFrame, mixed: pd.DataFrame, changes: pd.DataFrame, power: Mixtures | None) -> Markdown:
    """Chapter 03: labels against pixels, what most changes the bands, and what Mixup in dB leaves out; beside Table 2."""
    radar = f"- {NO_RADAR}\n"
    if power is not None:
        post = power.table["mean"][[title for title in power.table.index if "Δ" not in str(title)]]
        radar = (
            f"- Mixed in linear power, backscatter is {reach(post, '.2f')} dB higher than mixed in dB, on average"
            " over samples, depending on the band.\n"
        )
    paper = published("table2").set_index("row")["test_f1"]
    both, larger = (paper[row] - paper["baseline"] for row in ("Mixup + CutMix", "384 px + Mixup"))
    return sentences(
        f"- Over {len(cut)} samples, a CutMix label is at most {cut[ERROR].max():.2g} millionths from the share of pixels that was"
        f" counted, a Mixup label at most {mixed[ERROR].max():.2g} millionths from Eq. 1.\n"
        f"- A patch loses most contrast with {_extreme(changes, 'std', min)}. Neighbouring pixels become most alike with"
        f" {_extreme(changes, 'lag-1', max)}, and least with {_extreme(changes, 'lag-1', min)}.\n"
        f"{radar}- The paper reports {both:+.4f} in test F1 for CutMix and Mixup"
        f" together, and {larger:+.4f} for Mixup with larger images, both without an interval."
    )


def _extreme(changes: pd.DataFrame, moment: str, choose: Callable[..., tuple[float, str, str]]) -> str:
    columns = [name for name in changes.columns if name.endswith(moment)]
    value, transform, column = choose(
        (float(value), str(transform), column) for column in columns for transform, value in changes[column].items()
    )
    return f"{transform} ({value:+.0%} in {column})"
