"""Chapter 02: neighbours by SSIM and by Euclid, and what blending does to a patch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from imblearn.over_sampling import SMOTE
from numpy.typing import NDArray
from sklearn.metrics.pairwise import euclidean_distances

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.augment.smote import oversample
from landslide_nb.common.arrays import Labels, Pixels, Scores
from landslide_nb.data.bands import BandSet
from landslide_nb.data.splits import Split
from landslide_nb.data.texture import autocorrelation
from landslide_nb.similarity.api import data_range, similarity


def subsample(indices: NDArray[np.int64], most: int, seed: int = 0) -> NDArray[np.int64]:
    """At most so many of the indices, drawn without replacement, sorted: comparisons of all pairs need no more."""
    return np.sort(np.random.default_rng(seed).permutation(indices)[:most])


def blended(pixels: Pixels, rows: SampleTable) -> Pixels:
    """The pixels of the rows, `(N, C, H, W)`: for looking at; training blends its batches itself."""
    return rows.gather(torch.from_numpy(pixels), torch.arange(len(rows))).numpy()


def balanced(pixels: Pixels, labels: Labels, split: Split, recipe: Mapping[str, Any]) -> SampleTable:
    """Synthetic rows of the first fold until there are as many landslides as others; none where there are already.

    Args:
        pixels: all patches, `(N, C, H, W)`.
        labels: `(N,)`.
        split: of the patches.
        recipe: k, α, β, method and seed, as `smote.oversample` takes them.
    """
    positive = int(labels[split.folds[0][0]].sum())
    more = positive < len(split.folds[0][0]) - positive
    number = {"ratio": 1.0} if more else {"n_syn": 0}
    return oversample(pixels, labels, split, 0, **number, **recipe)


def neighbours_compared(pixels: Pixels, k: int = 5) -> pd.DataFrame:
    """The `k` nearest of each patch by SSIM against those by Euclidean distance, each band divided by its deviation.

    Args:
        pixels: `(N, C, H, W)`, more than `k`.
        k: neighbours of each.

    Returns:
        A row for each of the two: the mean SSIM and distance (root mean square over pixels and bands, in standard
        deviations) of anchors to their neighbours, the neighbours shared with SSIM's, what chance would share, and how
        often the most frequent neighbour is one.
    """
    likeness = similarity(pixels)
    flat = _standardised(pixels)
    distances = euclidean_distances(flat) / np.sqrt(flat.shape[1])
    chosen = {"SSIM": np.argsort(-_others(likeness, -np.inf), 1, kind="stable")[:, :k]}
    chosen["Euclidean"] = np.argsort(_others(distances, np.inf), 1, kind="stable")[:, :k]
    rows = {
        name: {
            "SSIM to neighbours": float(np.take_along_axis(likeness, near, 1).mean()),
            "distance to neighbours": float(np.take_along_axis(distances, near, 1).mean()),
            "shared with SSIM": float((near[:, :, None] == chosen["SSIM"][:, None]).any(2).mean()),
            "shared by chance": k / (len(pixels) - 1),
            "most often chosen": int(np.bincount(near.ravel()).max()),
        }
        for name, near in chosen.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("neighbours by")


def pixel_smote(pixels: Pixels, count: int, k: int = 5, seed: int = 0) -> Pixels:
    """What imbalanced-learn's SMOTE makes of the minority: patches flattened, each band standardised, and back.

    Args:
        pixels: the minority's, `(N, C, H, W)`.
        count: how many to make.
        k: neighbours to choose from, by Euclidean distance; fewer where there are fewer.
        seed: of its choices.

    Returns:
        float32 `(count, C, H, W)`, synthetic patches only.
    """
    flat = _standardised(pixels)
    # SMOTE looks at the minority only; two patches of zeros stand for the class that it wants to see beside it.
    x = np.concatenate([np.zeros((2, flat.shape[1]), np.float32), flat])
    y = np.array([0, 0] + [1] * len(flat))
    smote = SMOTE(sampling_strategy={1: len(flat) + count}, k_neighbors=min(k, len(flat) - 1), random_state=seed)
    samples = smote.fit_resample(x, y)[0][len(x) :].reshape(count, *pixels.shape[1:])
    centre, scale = _scale(pixels)
    return np.asarray(samples * scale + centre, np.float32)


def nearest_real(synthetic: Mapping[str, Pixels], real: Pixels) -> pd.DataFrame:
    """SSIM of synthetic patches to the most similar real one, beside that of real patches to the most similar other one.

    Args:
        synthetic: patches by method, each `(M, C, H, W)`.
        real: `(N, C, H, W)`; its data ranges are those of every comparison.
    """
    ranges, n = data_range(real), len(real)
    nearest = {"real patches": _others(similarity(real, ranges), -np.inf).max(1)}
    for name, patches in synthetic.items():
        nearest[name] = similarity(np.concatenate([real, patches]), ranges)[n:, :n].max(1)
    columns = ["patches", "SSIM to the nearest real one, 5 %", "median", "95 %"]
    rows = {name: (len(v), *map(float, np.percentile(v, (5, 50, 95)))) for name, v in nearest.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("patches of")


def effects(pixels: Pixels, bands: BandSet, rows: SampleTable, synthetic: Mapping[str, Pixels]) -> pd.DataFrame:
    """What blending does to the statistics of a patch.

    Args:
        pixels: all patches, `(N, C, H, W)`.
        bands: of these pixels.
        rows: synthetic rows over them.
        synthetic: patches of other methods, whose means are shown beside.

    Returns:
        A row for each statistic of a group of bands, averaged over its bands: the mean over the real parents and over
        synthetic patches, and the change from a row's parents, weighted by λ and 1 − λ: median and 5th to 95th percentile
        over rows. "noise" is the variance between neighbouring pixels: half the mean square of their difference.
    """
    parents = rows.real_patches
    real, blends = _moments(pixels[parents], bands), _moments(blended(pixels, rows), bands)
    others = {name: _moments(patches, bands).mean() for name, patches in synthetic.items()}
    expected = _expected(real.set_index(parents), rows)
    low, median, high = ((blends - expected).quantile(q) for q in (0.05, 0.5, 0.95))
    table = {"real": real.mean(), "SSIM-SMOTE": blends.mean()} | others
    table |= {"change, median": median, "5 %": low, "95 %": high}
    return pd.DataFrame(table).rename_axis("statistic").round(3) + 0.0  # no −0.000


def noise(pixels: Pixels, bands: BandSet, rows: SampleTable) -> pd.DataFrame:
    """How much of their parents' noise synthetic patches keep, for each row.

    Speckle is independent from patch to patch, and the variance of λ·a + (1 − λ)·b is λ² var a + (1 − λ)² var b for
    independent a and b: with equal variances λ² + (1 − λ)² of what either has.

    Returns:
        `weight` and, for each group of bands, the variance between neighbouring pixels over the λ-weighted one of the
        parents: measured, and `expected` if the parents were independent.
    """
    parents = rows.real_patches
    groups = [f"{kind} noise" for kind in bands.kinds]
    real = _moments(pixels[parents], bands)[groups].set_index(parents)
    variance_kept = _moments(blended(pixels, rows), bands)[groups] / _expected(real, rows)
    squares = pd.DataFrame({"first": rows.weight.astype(float) ** 2, "second": (1 - rows.weight.astype(float)) ** 2})
    first, second = (real.loc[of].reset_index(drop=True) for of in (rows.first, rows.second))
    independent = first.mul(squares["first"], axis=0) + second.mul(squares["second"], axis=0)
    variance_kept = variance_kept.join(independent / _expected(real, rows), rsuffix=", expected")
    variance_kept.columns = variance_kept.columns.str.replace(" noise", "")
    return variance_kept.assign(weight=rows.weight)


def noise_kept(variance_kept: pd.DataFrame) -> pd.DataFrame:
    """The share of noise variance that synthetic patches keep: mean, 5th to 95th percentile, and what λ alone explains."""
    rows = {
        group: {
            "variance kept, mean": variance_kept[group].mean(),
            "5 %": variance_kept[group].quantile(0.05),
            "95 %": variance_kept[group].quantile(0.95),
            "expected of independent parents": variance_kept[f"{group}, expected"].mean(),
        }
        for group in kinds_of(variance_kept)
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("bands")


def kinds_of(variance_kept: pd.DataFrame) -> list[str]:
    """The kinds of bands that `noise` tells of."""
    return [str(name).removesuffix(", expected") for name in variance_kept.columns if str(name).endswith(", expected")]


def _scale(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Mean and standard deviation of each band, `(C, 1, 1)`; 1 for a constant band."""
    deviation = pixels.std((0, 2, 3), dtype=np.float64)
    centre, scale = pixels.mean((0, 2, 3), dtype=np.float64), np.where(deviation > 0, deviation, 1)
    return centre.astype(np.float32)[:, None, None], scale.astype(np.float32)[:, None, None]


def _standardised(pixels: Pixels) -> Pixels:
    """Patches as vectors, each band standardised: `(N, C·H·W)`."""
    centre, scale = _scale(pixels)
    return ((pixels - centre) / scale).reshape(len(pixels), -1)


def _others(values: NDArray[np.floating], nothing: float) -> Scores:
    """Scores of all pairs `(N, N)` with `nothing` on the diagonal."""
    result = values.astype(np.float64)
    np.fill_diagonal(result, nothing)
    return result


def _expected(real: pd.DataFrame, rows: SampleTable) -> pd.DataFrame:
    """The parents' statistics, weighted by λ and 1 − λ, for each row; `real` is indexed by patch."""
    weight = rows.weight.astype(float)[:, None]
    blend = weight * real.loc[rows.first].to_numpy() + (1 - weight) * real.loc[rows.second].to_numpy()
    return pd.DataFrame(blend, columns=real.columns)


def _moments(pixels: Pixels, bands: BandSet) -> pd.DataFrame:
    """Mean, standard deviation, lag-1 autocorrelation and noise of each kind of bands, and NDVI if they allow it; a row a patch."""
    mean = pixels.mean((2, 3), dtype=np.float64)
    deviations = pixels - mean[:, :, None, None].astype(np.float32)
    variance = np.square(deviations).mean((2, 3), dtype=np.float64)
    between = np.square(deviations[..., 1:] - deviations[..., :-1]).mean((2, 3), dtype=np.float64) / 2
    statistics = {"mean": mean, "std": np.sqrt(variance), "lag-1": autocorrelation(pixels), "noise": between}
    table = {
        f"{kind} {name}": values[:, list(places)].mean(1)
        for kind, places in bands.kinds.items()
        for name, values in statistics.items()
    }
    places = bands.find("red"), bands.find("nir")
    if None not in places:
        red, nir = (pixels[:, place].astype(np.float64) for place in places)
        ndvi = (nir - red) / (nir + red + 1e-7)
        table |= {"NDVI mean": ndvi.mean((1, 2)), "NDVI std": ndvi.std((1, 2))}
    return pd.DataFrame(table)
