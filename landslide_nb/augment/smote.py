"""SSIM-SMOTE: synthetic minority patches between structurally similar parents (the paper's Algorithm 1)."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.common.arrays import Indices
from landslide_nb.common.errors import DataError
from landslide_nb.data.splits import Split

Scope = Literal["inside_fold", "before_split"]
CLIP: Final = (0.1, 0.9)  # the paper's bounds of λ


def oversample(
    pixels: NDArray[np.float32],
    labels: NDArray[np.int8],
    split: Split,
    fold: int,
    *,
    scope: Scope = "inside_fold",
    part: Literal["training", "validation"] = "training",
    n_syn: int = 5,
    ratio: float | None = None,
    k: int = 5,
    alpha: float = 1.0,
    beta: float = 1.0,
    clip: tuple[float, float] = CLIP,
    method: Literal["exact", "approximate"] = "exact",
    seed: int = 0,
) -> SampleTable:
    """Synthetic rows of a fold, between landslide patches; no pixel is computed.

    For each minority patch I, `n_syn` times: a random one I_n of its `k` nearest neighbours by SSIM, λ ~ Beta(α, β)
    clipped to `clip`, and the sample `λ·I + (1 − λ)·I_n`. The paper gives k = 5 and the clipping; n_syn = 5 follows from
    its count of 6,275; α and β it leaves open: (1, 1), SMOTE's own uniform weight, is our choice.

    Args:
        pixels: all patches, `(N, C, H, W)`.
        labels: all labels, `(N,)`.
        split: who trains and who does not.
        fold: which fold validates.
        scope: "inside_fold": parents are training patches of the fold, all else is held out. "before_split" is wrong, and
            here to show it: parents are all patches outside the test part, only that is held out, and the rows are dealt
            to the folds as if they were patches, so that parents of training rows validate.
        part: the rows that train, or those that validate; inside the fold no synthetic row validates.
        n_syn: synthetic patches for each minority patch; 0 for none.
        ratio: minority over majority, in the patches that parents are taken from, after oversampling, instead of `n_syn`:
            `round(ratio × majority) − minority` rows (halves to even), as many for each minority patch, but for one more
            for some at random.
        k: neighbours to choose from; fewer where the minority has fewer.
        alpha: α of the Beta distribution.
        beta: β of the Beta distribution.
        clip: bounds of λ.
        method: of `ssim.nearest`.
        seed: of neighbours, weights and dealing.

    Returns:
        SampleTable labelled 1. Inside the fold `n_syn` for each minority patch, or as many as `ratio` asks for; before the split
        the fold's share of these.

    Raises:
        LeakError: if a parent is held out.
        DataError: if there are fewer than two landslide patches, or more than `ratio` asks for.
    """
    train, validation = split.folds[fold]
    inside = scope == "inside_fold"
    among = train if inside else split.development
    held_out = np.concatenate([validation, split.test]) if inside else split.test
    minority = among[labels[among] == 1]
    count = _count(len(minority), len(among) - len(minority), n_syn, ratio)
    if count == 0 or (inside and part == "validation"):
        return SampleTable.real(among[:0], labels, held_out)
    if len(minority) < 2:
        fewer = "hold out fewer for the test (n_test), or " if labels[split.test].any() else ""
        raise DataError(
            f"fold {fold + 1} of {len(split.folds)} has one patch with a landslide to train on, and SSIM-SMOTE needs two:"
            f" {fewer}add patches with a landslide"
        )
    from landslide_nb.similarity.api import nearest  # noqa: PLC0415 - compiled code, which prediction does not need

    neighbours, _ = nearest(pixels[minority], max(1, min(k, len(minority) - 1)), method=method)
    rng = np.random.default_rng(seed)
    once_more = rng.permutation(len(minority))[: count % len(minority)]
    anchor = np.sort(np.concatenate([np.repeat(np.arange(len(minority)), count // len(minority)), once_more]))
    chosen = neighbours[anchor, rng.integers(neighbours.shape[1], size=count)]
    weight = np.clip(rng.beta(alpha, beta, count), *clip).astype(np.float32)
    rows = SampleTable(minority[anchor], minority[chosen], weight, np.ones(count, np.int8), held_out)
    if inside:
        return rows
    validates = rng.permutation(count) % len(split.folds) == fold
    return rows.take(validates if part == "validation" else ~validates)


def with_validation_parent(first: Indices, second: Indices, validation: Indices) -> int:
    """How many rows have a parent among the validation patches: 0 wherever nothing leaks."""
    return int((np.isin(first, validation) | np.isin(second, validation)).sum())


def _count(minority: int, majority: int, n_syn: int, ratio: float | None) -> int:
    """How many rows are asked for; raises `DataError` if the ratio asks for fewer patches than there are."""
    if ratio is None:
        return n_syn * minority
    wanted = round(ratio * majority)
    if wanted < minority:
        raise DataError(
            f"a ratio of {ratio:g} asks for {wanted} landslide patches beside {majority} others; there are {minority}"
            " already, and oversampling only adds: ask for a larger ratio"
        )
    return wanted - minority
