"""What each chapter found, said with the numbers that it computed, beside what the paper found."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from landslide_nb.analysis.tables import LONGER
from landslide_nb.data.bands import BACKSCATTER, BANDS, CHANGE, OPTICAL, SAR
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


def realism(
    levels: pd.DataFrame,
    texture: pd.DataFrame,
    transfer: pd.DataFrame | None,
    giveaways: pd.DataFrame | None,
    source: str,
) -> Markdown:
    """Chapter 01: how near the patches come to real ones, in levels and texture, and to trees."""
    mean, std = ((levels[of] - levels[f"real {of}"]).abs() / levels[f"real {of}"].abs() for of in ("mean", "std"))
    optical, radar = [BANDS[i].title for i in OPTICAL], [BANDS[i].title for i in SAR]
    off = max((levels[of] - levels[f"real {of}"])[radar].abs().max() for of in ("mean", "std"))
    backscatter, change = ([BANDS[i].title for i in group] for group in (BACKSCATTER, CHANGE))
    lag = texture["lag 1, median"]
    lines = [
        f"- Of {source}, mean and spread over all pixels differ from the published ones of the challenge's training patches by at most"
        f" {mean[optical].max():.1%} and {std[optical].max():.1%} in the optical bands, and by at most {off:.2f} dB in the radar bands.",
        f"- Neighbouring pixels correlate by {lag[backscatter].min():.2f} to {lag[backscatter].max():.2f} in backscatter and by"
        f" {lag[change].min():.2f} to {lag[change].max():.2f} in its change (medians over patches).",
    ]
    if transfer is not None and giveaways is not None:
        lines += [
            f"- Trees trained on {source} and tested on real patches reach F1 {transfer['F1']['simulated → real']}; trained and tested on"
            f" real ones, {transfer['F1']['real → real, out of fold']}; on {source} themselves,"
            f" {transfer['F1']['simulated → simulated, out of fold']}.",
            f"- Trees still tell the two kinds apart (AUROC {giveaways.attrs['auroc']}), most of all by"
            f" {', '.join(f'`{name}`' for name in giveaways.index[:4])}: single statistics agree, but not all of their combinations.",
        ]
    return Markdown("\n".join(lines))


def oversampling(
    before: Sequence[int],
    added: int,
    near: pd.DataFrame,
    nearest: pd.DataFrame,
    kept: pd.DataFrame,
    changes: pd.DataFrame,
    leak: pd.DataFrame,
) -> Markdown:
    """Chapter 02: how alike neighbours are, what blending does, and what oversampling before the split seems to give."""
    ssim, euclidean = near.loc["SSIM"], near.loc["Euclidean"]
    median, ndvi, noise = nearest["median"], changes.loc["NDVI mean"], kept.loc["backscatter"]
    wrong = leak.loc["before the split"]
    share = wrong["with a validation parent"] / max(wrong["synthetic rows"], 1)
    return Markdown(
        f"- SSIM between a landslide patch and its nearest neighbours is {ssim['SSIM to neighbours']:.2f} on average;"
        f" {euclidean['shared with SSIM']:.0%} of the Euclidean neighbours are the same (by chance"
        f" {euclidean['shared by chance']:.0%}). A synthetic patch is much nearer to a real one (median"
        f" {median['SSIM-SMOTE']:.2f}, with SMOTE on pixels {median['SMOTE on pixels']:.2f}) than real ones are to each other"
        f" ({median['real patches']:.2f}).\n"
        f"- Blending leaves band means where their parents are. It keeps {noise['variance kept, mean']:.0%} of the variance between"
        f" neighbouring pixels of backscatter; independent parents would leave {noise['expected of independent parents']:.0%}."
        f" NDVI moves by {ndvi['change, median']:+.3f} (median; 5th to 95th percentile {ndvi['5 %']:+.3f} to {ndvi['95 %']:+.3f})."
        " A network could tell synthetic patches, all of them landslides, by how smooth they are.\n"
        f"- Inside the first fold, {added} synthetic rows join {before[1]} landslide patches among {sum(before)}, and none has a"
        f" parent that validates. Made before the split, {share:.0%} of the synthetic rows of all folds have. The paper's count of"
        " synthetic patches is five for each landslide patch of the challenge's whole training set, so it oversampled before it"
        " split.\n" + _leak(leak)
    )


def _leak(leak: pd.DataFrame) -> str:
    """What the leak seems to give, and what it gives."""
    wrong, more = leak.loc["before the split"], leak.loc["difference"]
    seems, author = more["out-of-fold F1"], wrong["as its author scores"]
    text = (
        f"- **The leak.** Before the split instead of inside the folds, F1 out of fold differs by {seems.value:+.3f}"
        f" [{seems.low:+.3f}, {seems.high:+.3f}], {_told(seems)}; its author, who validates on synthetic patches too, reports"
        f" {author}."
    )
    if "hold-out F1" not in leak:
        return text + " There is no hold-out part here to say what is true."
    truth, gap = more["hold-out F1"], more["optimism"]
    return text + (
        f" On the hold-out part, which neither has seen, the difference is {truth.value:+.3f} [{truth.low:+.3f}, {truth.high:+.3f}],"
        f" {_told(truth)}. The leak adds {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] to the gap between the two scores, and"
        f" the author's own score lies {author.value - wrong['hold-out F1'].value:+.3f} from the truth."
    )


def _is_told(difference: Any) -> bool:
    return bool(difference.low > 0 or difference.high < 0)


def _told(difference: Any) -> str:
    return "more than chance allows" if _is_told(difference) else "no more than chance allows"


def augmentation(cut: pd.DataFrame, mixed: pd.DataFrame, changes: pd.DataFrame, power: pd.DataFrame) -> Markdown:
    """Chapter 03: labels against pixels, what most changes the bands, and what Mixup in dB leaves out; beside Table 2."""
    column = "error, millionths"
    post = power.loc[[BANDS[i].title for i in BACKSCATTER], "mean"]
    paper = published("table2").set_index("row")["test_f1"]
    both, larger = (paper[row] - paper["baseline"] for row in ("Mixup + CutMix", "384 px + Mixup"))
    return Markdown(
        f"- Over {len(cut)} samples, a CutMix label is at most {cut[column].max():.2g} millionths from the share of pixels that was"
        f" counted, a Mixup label at most {mixed[column].max():.2g} millionths from Eq. 1.\n"
        f"- A patch loses most contrast with {_extreme(changes, 'std', min)}. Neighbouring pixels become most alike with"
        f" {_extreme(changes, 'lag-1', max)}, and least with {_extreme(changes, 'lag-1', min)}.\n"
        f"- Mixed in linear power, backscatter is {post.min():.2f} to {post.max():.2f} dB higher than mixed in dB, on average over"
        " samples, depending on the band.\n"
        f"- The paper reports {both:+.4f} in test F1 for CutMix and Mixup"
        f" together, and {larger:+.4f} for Mixup with larger images, both without an interval."
    )


def backbones(size: pd.DataFrame, score: pd.DataFrame, weights: pd.DataFrame) -> Markdown:
    """Chapter 04: which backbone leads, what size and pretraining buy, and what that says of the paper's claims."""
    test, train, difference = (_by_name(score, column) for column in ("test F1", "train F1", "difference"))
    millions = _by_name(size, "parameters (M)")
    order = sorted(test, key=lambda name: -test[name].value)
    told = [f"`{name}` ({difference[name].value:+.3f})" for name in order if _is_told(difference[name])]
    large, small = (choose(millions, key=lambda name: millions[name]) for choose in (max, min))
    widest = max(order, key=lambda name: train[name].value - test[name].value)
    gain = weights["difference"].iloc[-1]
    lines = [
        f"- Highest test F1: `{order[0]}` with {test[order[0]]}. {len(told)} of {len(order) - 1} others differ from the study's own"
        f" backbone by more than chance allows{': ' if told else ''}{', '.join(told)}.",
        f"- The largest, `{large}` ({millions[large]:.1f} M parameters), has {test[large]}; the smallest, `{small}`"
        f" ({millions[small]:.1f} M), {test[small]}. The widest gap between train and test F1 is that of `{widest}`:"
        f" {train[widest].value - test[widest].value:+.3f}.",
    ]
    ranks = f" {_rank('efficientnetv2', 'EfficientNetV2', order)} {_rank('inception', 'Inception', order)}"
    if test[order[0]].value == 0:
        lines, ranks = ["- No backbone finds a single landslide of the test part: there is nothing to rank."], ""
    lines += [
        f"- **ImageNet against none** ({weights.index.name}): {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] in test F1,"
        f" {_told(gain)}.",
        "- The paper finds EfficientNetV2-L ahead of all that it compares, and InceptionV3 behind, all with ImageNet weights and on the"
        f" challenge's own test part.{ranks} Where networks start from different weights, as in the table, this tests the start as"
        " much as the network.",
    ]
    return Markdown("\n".join(lines))


def _by_name(table: pd.DataFrame, column: str) -> dict[str, Any]:
    return {str(name): value for name, value in table[column].items()}


def _rank(part: str, family: str, order: Sequence[str]) -> str:
    """Where the best of a family comes in among all."""
    places = [place for place, name in enumerate(order, 1) if part in name and not name.startswith("unet:")]
    if not places:
        return f"No {family} is among these."
    return f"Here {family} (`{order[places[0] - 1]}`) is number {places[0]} of {len(order)}."


def ablations(table: pd.DataFrame, stems: pd.DataFrame, chosen: pd.DataFrame) -> Markdown:
    """Chapter 05: which changes can be told from none, here and in the paper; the stem; what choosing weights does."""
    ours, paper = _by_name(table.iloc[1:], "ours"), _by_name(table.iloc[1:], "paper")
    told = [name for name in ours if _is_told(ours[name])]
    same = [np.sign(ours[name].value) == np.sign(paper[name]) for name in ours]
    best = max(paper, key=lambda name: paper[name])
    changed = "; ".join(
        f"{name} {by.value:+.3f} [{by.low:+.3f}, {by.high:+.3f}], {_told(by)}"
        for name, by in _by_name(stems.iloc[1:], "difference").items()
    )
    return Markdown(
        f"- Of {len(ours)} changes, {len(told)} differ from the baseline by more than chance allows"
        f" (95 % paired interval){': ' + ', '.join(told) if told else ''}.\n"
        f"- {sum(same)} of {len(same)} have the sign that the paper reports. There, {best!r} gains most ({paper[best]:+.3f});"
        f" here it is {ours[best].value:+.3f} [{ours[best].low:+.3f}, {ours[best].high:+.3f}].\n"
        + _budget(table)
        + f"- The stem, against timm's repeated filters: {changed}.\n"
        + _selection(chosen)
    )


def _budget(table: pd.DataFrame) -> str:
    """What a longer training changes of it, where there is one."""
    if LONGER not in table:
        return ""
    rest = table.iloc[1:]
    short, long, paper = (_by_name(rest, name) for name in ("ours", LONGER, "paper"))
    first = table["gained"].iloc[0]
    kinds = {
        "lose by more than chance allows": [name for name in long if long[name].high < 0],
        "gain by more than chance allows": [name for name in long if long[name].low > 0],
    }
    told = "; ".join(f"{len(names)} {kind}{': ' + ', '.join(names) if names else ''}" for kind, names in kinds.items())
    nearer = [name for name in long if abs(long[name].value - paper[name]) < abs(short[name].value - paper[name])]
    most = max(nearer, key=lambda name: abs(long[name].value - short[name].value), default=None)
    text = (
        f"- **The budget.** Trained for longer, the baseline gains {first:+.3f}. Of {len(long)} changes against it, then, {told}."
        f" {len(nearer)} are nearer to the paper's number than after the shorter training"
    )
    if most is None:
        return f"{text}.\n"
    return f"{text}, most of all {most}: {short[most].value:+.3f} before, {long[most]:+.3f} then, {paper[most]:+.3f} in the paper.\n"


def _selection(chosen: pd.DataFrame) -> str:
    """What choosing the best weights seems to give, and what it gives, over rows."""
    seems = np.array([each.value for each in chosen["validation: best − last"]])
    text = (
        f"- **Choosing each fold's best weights** adds {seems.mean():+.3f} to the validation F1 that they were chosen by, on average"
        f" over {len(chosen)} rows ({seems.min():+.3f} to {seems.max():+.3f})."
    )
    if "optimism" not in chosen:
        return text + " There is no hold-out part here to say what it is worth."
    gives, by_choice = (
        np.array([each.value for each in chosen[name]]) for name in ("test: best − last", "of it by the choice")
    )
    better = sum(each.low > 0 for each in chosen["test: best − last"])
    worse = sum(each.high < 0 for each in chosen["test: best − last"])
    biased = sum(each.low > 0 for each in chosen["of it by the choice"])
    return text + (
        f" On the hold-out test it adds {gives.mean():+.3f} ({gives.min():+.3f} to {gives.max():+.3f}). Rows in which that is a gain by"
        f" more than chance allows: {better}; a loss: {worse}. So {by_choice.mean():+.3f} of the validation score is the choice itself;"
        f" rows in which that bias is more than chance allows: {biased}. The paper chooses so too, and reports other patches' scores."
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
        f" {_told(gain)}.",
        f"- With SMOTE, trees say {own['said']:.1%} where {own['true']:.1%} are true,"
        f" with an {error} of {errors['LightGBM, SMOTE: its own']}; recalibrated inside"
        f" the folds it is {errors['LightGBM, SMOTE: recalibrated']}, and that of the best"
        f" {errors[f'{best}: recalibrated']}.",
    ]
    lines += [
        f"- Thinned to {float(rate):.0%} of landslides, the rate is estimated at {row['estimated rate']:.1%}. Correcting for it moves F1 by"
        f" {row['gain'].value:+.3f} [{row['gain'].low:+.3f}, {row['gain'].high:+.3f}], {_told(row['gain'])}; by"
        f" {row['mean gain']:+.3f} on average over draws."
        for rate, row in zip(shifted.index, shifted.to_dict("records"), strict=True)
    ]
    return Markdown("\n".join(lines))


def _extreme(changes: pd.DataFrame, moment: str, choose: Callable[..., tuple[float, str, str]]) -> str:
    columns = [name for name in changes.columns if name.endswith(moment)]
    value, transform, column = choose(
        (float(value), str(transform), column) for column in columns for transform, value in changes[column].items()
    )
    return f"{transform} ({value:+.0%} in {column})"
