"""SSIM-SMOTE: synthetic minority patches between structurally similar parents (the paper's Algorithm 1)."""

import numpy as np
from numpy.typing import NDArray

from landslide_nb.augment.rows import Rows
from landslide_nb.augment.ssim import nearest
from landslide_nb.data.folds import Indices


def oversample(
    pixels: NDArray[np.float32],
    labels: NDArray[np.int8],
    train: Indices,
    held_out: Indices,
    *,
    n_syn: int = 5,
    k: int = 5,
    alpha: float = 1.0,
    beta: float = 1.0,
    clip: tuple[float, float] = (0.1, 0.9),
    seed: int = 0,
) -> Rows:
    """Synthetic rows from the landslide patches of a training fold; no pixel is computed.

    For each minority patch I, `n_syn` times: a random one I_n of its `k` nearest neighbours by SSIM, λ ~ Beta(α, β)
    clipped to `clip`, and the sample `λ·I + (1 − λ)·I_n`. The paper gives k = 5 and the clipping; n_syn = 5 follows from
    its count of 6,275; α and β it leaves open: (1, 1), SMOTE's own uniform weight, is our choice.

    Args:
        pixels: all patches, `(N, 12, H, W)`.
        labels: all labels, `(N,)`.
        train: indices of the training patches; neighbours are looked for among these only.
        held_out: indices of the validation and test patches.
        n_syn: synthetic patches for each minority patch; 0 for none.
        k: neighbours to choose from; fewer where the minority has fewer.
        alpha: α of the Beta distribution.
        beta: β of the Beta distribution.
        clip: bounds of λ.
        seed: of neighbours and weights.

    Returns:
        `n_syn` rows for each minority patch, labelled 1.

    Raises:
        LeakError: if a landslide patch of `train` is held out.
        DataError: if the fold has fewer than two landslide patches.
    """
    minority = train[labels[train] == 1]
    if n_syn == 0:
        return Rows.real(train[:0], labels, held_out)
    neighbours, _ = nearest(pixels[minority], max(1, min(k, len(minority) - 1)))
    rng = np.random.default_rng(seed)
    anchor = np.repeat(np.arange(len(minority)), n_syn)
    chosen = neighbours[anchor, rng.integers(neighbours.shape[1], size=len(anchor))]
    weight = np.clip(rng.beta(alpha, beta, len(anchor)), *clip).astype(np.float32)
    first, second = minority[anchor], minority[chosen]
    return Rows(first, second, weight, np.ones(len(anchor), np.int8), held_out)
