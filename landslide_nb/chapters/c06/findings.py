"""What chapter 06 found, said with the numbers that it computed, beside what the paper found."""

import pandas as pd
from IPython.display import Markdown

from landslide_nb.display.wording import in_words, sentences
from landslide_nb.experiments.published import published, trials


def heads(table: pd.DataFrame, rarer: pd.DataFrame) -> Markdown:
    """Chapter 06: whether a head beats the network's own layer; what a rarer class does to the network.

    Args:
        table: `comparisons.compare_heads`.
        rarer: `rarer.compare`.
    """
    others = table.drop(index="FC")
    best = max(others.index, key=lambda name: others.loc[name, "ours"].value)
    known = others[others["paper"].notna()]
    paper = published("table3")["test_f1"]
    counts = "; ".join(f"{outcome}: {count}" for outcome, count in known["verdict"].value_counts().items())
    return sentences(
        f"- Best here: {best}, {others.loc[best, 'ours']:+.3f} in F1 against FC, {in_words(others.loc[best, 'ours'])}.\n"
        f"- Of the paper's {len(known)} changes of the head: {counts}. A change of {known['smallest visible'].max():.3f} would have been"
        f" seen; the paper's largest is {paper.iloc[1:].max() - paper.iloc[0]:+.4f}, given without an interval."
        f"{where_rarer(rarer)}"
    )


def where_rarer(rarer: pd.DataFrame) -> str:
    """What correcting for the lowest rate does to F1 and calibration of the network; nothing where nothing was thinned."""
    if len(rarer) < 2:
        return ""
    rate, row = rarer.index[-1], rarer.iloc[-1]
    return (
        f"\n- On test patches thinned to {rate} with a landslide, the network reaches an F1 of {row['F1 at 0.5'].value:.3f} at 0.5 and of"
        f" {row['F1, threshold chosen'].value:.3f} at the threshold chosen on validation patches. Corrected for a rate of"
        f" {row['estimated rate'].value:.1%}, estimated without labels, it reaches {row['F1, prior corrected'].value:.3f}, a change of"
        f" {row['gain over the chosen threshold']:+.3f} over networks and draws; the expected calibration error goes from"
        f" {row['ECE, own'].value:.3f} to {row['ECE, prior corrected'].value:.3f}."
    )


def heads_on_real(scores: pd.DataFrame, calibrated: pd.DataFrame, shifted: pd.DataFrame) -> Markdown:
    """Chapter 06: what the heads know of real patches, how far to trust their probabilities, and what a rarer class does."""
    f1, difference = scores.columns[:2]
    best = max(scores.index, key=lambda name: scores.loc[name, f1].value)
    first, gain = scores[f1].iloc[0], scores.loc[best, difference]
    error = "expected calibration error"
    own, errors = calibrated.loc["LightGBM, SMOTE: its own"], dict(calibrated[error])
    lines = [
        f"- Best on real patches: {best}, out-of-fold F1 {scores.loc[best, f1]}, AUROC {scores.loc[best, 'AUROC']}."
        f" That is {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] in F1 against {scores.index[0]} ({first}),"
        f" {in_words(gain)}.{_tried()}",
        f"- With SMOTE, LightGBM predicts {own['predicted']:.1%} landslides where {own['observed']:.1%} are observed,"
        f" with an {error} of {errors['LightGBM, SMOTE: its own']}; recalibrated inside"
        f" the folds it is {errors['LightGBM, SMOTE: recalibrated']}, and that of the best"
        f" {errors[f'{best}: recalibrated']}.",
    ]
    lines += [
        f"- Thinned to {float(rate):.0%} of landslides, the rate is estimated at {row['estimated rate']:.1%}. Correcting for it moves F1 by"
        f" {row['gain'].value:+.3f} [{row['gain'].low:+.3f}, {row['gain'].high:+.3f}], {in_words(row['gain'])}; by"
        f" {row['mean gain']:+.3f} on average over draws."
        for rate, row in zip(shifted.index, shifted.to_dict("records"), strict=True)
    ]
    return sentences("\n".join(lines))


def _tried() -> str:
    """How many trials led to the choice: a score on the same patches is a little too good for that."""
    count = trials()
    return (
        f" It was chosen after {count} trials on these same patches (`results/statistics_heads_trials.csv`)."
        if count
        else ""
    )
