"""An SVM at many values of C: what does not depend on C, the scaling and the kernel, is computed once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from landslide_nb.models.heads import Scores


def svm(
    embeddings: NDArray[np.float32], labels: NDArray[np.int8], train: NDArray[np.int64], cs: Sequence[float]
) -> dict[float, Scores]:
    """Decisions for all patches by SVMs fitted on the training patches only; those of `heads.svm(c)` for each C.

    Args:
        embeddings: `(N, D)`.
        labels: `(N,)`; only those of `train` are looked at.
        train: indices of the training patches.
        cs: values of C.

    Returns:
        for each C, margins `(N,)`, positive where a landslide is seen. The kernel takes 8 N · len(train) bytes.
    """
    scaled = StandardScaler().fit(embeddings[train]).transform(embeddings).astype(np.float64)
    spread = scaled[train].var()
    gamma = 1 / (scaled.shape[1] * spread) if spread else 1.0  # what SVC calls "scale"
    kernel = rbf_kernel(scaled, scaled[train], gamma=gamma)
    among = kernel[train]
    return {c: SVC(C=c, kernel="precomputed").fit(among, labels[train]).decision_function(kernel) for c in cs}
