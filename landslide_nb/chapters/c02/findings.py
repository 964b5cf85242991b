"""What chapter 02 found, said with the numbers that it computed, beside what the paper found."""

from collections.abc import Sequence

import pandas as pd
from IPython.display import Markdown

from landslide_nb.display.wording import in_words, sentences


def oversampling(
    before: Sequence[int],
    added: int,
    near: pd.DataFrame,
    nearest: pd.DataFrame,
    variance_kept: pd.DataFrame,
    changes: pd.DataFrame,
    leak: pd.DataFrame,
) -> Markdown:
    """Chapter 02: how alike neighbours are, what blending does, and what oversampling before the split seems to give."""
    ssim, euclidean = near.loc["SSIM"], near.loc["Euclidean"]
    median, kind = nearest["median"], "backscatter" if "backscatter" in variance_kept.index else variance_kept.index[0]
    noise, ndvi = variance_kept.loc[kind], changes.loc["NDVI mean"] if "NDVI mean" in changes.index else None
    moved = ""
    if ndvi is not None:
        moved = f" NDVI moves by {ndvi['change, median']:+.3f} (median; 5th to 95th percentile {ndvi['5 %']:+.3f} to {ndvi['95 %']:+.3f})."
    wrong = leak.loc["before the split"]
    share = wrong["with a validation parent"] / max(wrong["synthetic rows"], 1)
    return sentences(
        f"- SSIM between a landslide patch and its nearest neighbours is {ssim['SSIM to neighbours']:.2f} on average;"
        f" {euclidean['shared with SSIM']:.0%} of the Euclidean neighbours are the same (by chance"
        f" {euclidean['shared by chance']:.0%}). A synthetic patch is much nearer to a real one (median"
        f" {median['SSIM-SMOTE']:.2f}, with SMOTE on pixels {median['SMOTE on pixels']:.2f}) than real ones are to each other"
        f" ({median['real patches']:.2f}).\n"
        f"- Blending leaves band means where their parents are. It keeps {noise['variance kept, mean']:.0%} of the variance between"
        f" neighbouring pixels ({kind}); independent parents would leave {noise['expected of independent parents']:.0%}.{moved}"
        " A network could tell synthetic patches, all of them landslides, by how smooth they are.\n"
        f"- Inside the first fold, {added} synthetic rows join {before[1]} landslide patches among {sum(before)}, and none has a"
        f" parent that validates. Made before the split, {share:.0%} of the synthetic rows of all folds have. The paper's count of"
        " synthetic patches is five for each landslide patch of the challenge's whole training set, so it oversampled before it"
        " split.\n" + _leak(leak)
    )


def _leak(leak: pd.DataFrame) -> str:
    """What the leak seems to give, and what it gives."""
    wrong, more = leak.loc["before the split"], leak.loc["difference"]
    seems, author = more["out-of-fold F1"], wrong["with synthetic patches"]
    text = (
        f"- **The leak.** Before the split instead of inside the folds, F1 out of fold differs by {seems.value:+.3f}"
        f" [{seems.low:+.3f}, {seems.high:+.3f}], {in_words(seems)}; its author, who validates on synthetic patches too, reports"
        f" {author}."
    )
    if "hold-out F1" not in leak:
        return text + " There is no hold-out part here to say what is true."
    truth, gap = more["hold-out F1"], more["optimism"]
    return text + (
        f" On the hold-out part, which neither has seen, the difference is {truth.value:+.3f} [{truth.low:+.3f}, {truth.high:+.3f}],"
        f" {in_words(truth)}. The leak adds {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] to the gap between the two scores, and"
        f" the author's own score lies {author.value - wrong['hold-out F1'].value:+.3f} from the truth."
    )
