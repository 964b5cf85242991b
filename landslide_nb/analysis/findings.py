"""What each chapter found, said with the numbers that it computed, beside what the paper found."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from landslide_nb.analysis.scores import Interval
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


def _told(difference: Any) -> str:
    return "more than chance allows" if difference.low > 0 or difference.high < 0 else "no more than chance allows"


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


def _extreme(changes: pd.DataFrame, moment: str, choose: Callable[..., tuple[float, str, str]]) -> str:
    columns = [name for name in changes.columns if name.endswith(moment)]
    value, transform, column = choose(
        (float(value), str(transform), column) for column in columns for transform, value in changes[column].items()
    )
    return f"{transform} ({value:+.0%} in {column})"


def _overlap(a: Interval, b: Interval) -> bool:
    return a.low <= b.high and b.low <= a.high
