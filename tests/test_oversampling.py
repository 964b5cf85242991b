"""What chapter 02 says of neighbours, blends and the leak is so."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import f1_score

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.chapters.c02 import figures, findings, leak, oversampling
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.experiments import grids, run
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.study import Study
from landslide_nb.similarity.api import data_range, nearest, similarity

Pixels = NDArray[np.float32]
BANDS = CHALLENGE.bands
GROUPS = tuple(BANDS.kinds)


def noise(n: int, seed: int = 0, side: int = 32) -> Pixels:
    """Independent patches of pure speckle, of one variance: `(n, 12, side, side)`, around a mean of 2,000."""
    drawn = np.random.default_rng(seed).normal(2000, 50, (n, 12, side, side))
    return drawn.astype(np.float32)


def pairs(first: list[int], second: list[int], weight: list[float]) -> SampleTable:
    """SampleTable with these parents and weights."""
    ones = np.ones(len(first), np.int8)
    return SampleTable(np.array(first), np.array(second), np.array(weight, np.float32), ones, np.array([], np.int64))


def test_euclidean_neighbours_are_those_of_scipy(tiny: Patches) -> None:
    """The overlap would compare SSIM with something that nobody uses."""
    pixels = tiny.pixels[:10]
    scaled = (pixels - pixels.mean((0, 2, 3))[:, None, None]) / pixels.std((0, 2, 3))[:, None, None]
    distances = squareform(pdist(scaled.reshape(10, -1).astype(float)))
    likeness = similarity(pixels)
    theirs = [set(np.argsort(row)[1:4].tolist()) for row in distances]
    ours = [set(row.tolist()) for row in nearest(pixels, 3)[0]]
    table: Any = oversampling.neighbours_compared(pixels, 3)
    shared = np.mean([len(a & b) / 3 for a, b in zip(theirs, ours, strict=True)])
    assert table.loc["Euclidean", "shared with SSIM"] == pytest.approx(shared)
    assert table.loc["SSIM", "shared with SSIM"] == 1
    assert table.loc["SSIM", "shared by chance"] == pytest.approx(3 / 9)
    assert table.loc["SSIM", "SSIM to neighbours"] == pytest.approx(np.sort(likeness, 1)[:, -4:-1].mean(), rel=1e-5)
    mean = np.sort(distances, 1)[:, 1:4].mean() / np.sqrt(scaled[0].size)
    assert table.loc["Euclidean", "distance to neighbours"] == pytest.approx(mean, rel=1e-4)


def test_pixel_smote_lies_between_two_patches(tiny: Patches) -> None:
    """The comparison would be with patches in other units, or with the real ones themselves."""
    pixels = tiny.pixels[tiny.known_labels == 1][:6]
    made = oversampling.pixel_smote(pixels, 9, k=3, seed=1)
    assert made.shape == (9, *pixels.shape[1:]) and made.dtype == np.float32
    flat, spread = pixels.reshape(6, -1).astype(float), data_range(pixels).max()
    for patch in made.reshape(9, -1).astype(float):
        errors = []
        for a in flat:
            for b in flat:
                step = b - a
                weight = np.clip((patch - a) @ step / max(step @ step, 1), 0, 1)
                errors.append(np.abs(a + weight * step - patch).max())
        assert min(errors) < 1e-4 * spread
    assert np.array_equal(made, oversampling.pixel_smote(pixels, 9, k=3, seed=1))


def test_a_copy_is_as_near_as_can_be(tiny: Patches) -> None:
    """Synthetic patches that repeat a real one would not be seen."""
    table: Any = oversampling.nearest_real({"copies": tiny.pixels[:4]}, tiny.pixels[:8])
    assert table.loc["copies", "median"] == pytest.approx(1, abs=1e-5)
    others = similarity(tiny.pixels[:8]) - 2 * np.eye(8)
    assert table.loc["real patches", "median"] == pytest.approx(np.median(others.max(1)), rel=1e-5)


def test_speckle_is_averaged_as_theory_says() -> None:
    """The variance of a blend of independent patches of one variance is λ² + (1 − λ)² of theirs."""
    weights = [0.1, 0.3, 0.5, 0.9]
    table: Any = oversampling.noise(noise(8), BANDS, pairs([0, 2, 4, 6], [1, 3, 5, 7], weights))
    expected = [w**2 + (1 - w) ** 2 for w in weights]
    for group in GROUPS:
        assert table[group].to_numpy() == pytest.approx(expected, rel=0.08)
        assert table[f"{group}, expected"].to_numpy() == pytest.approx(expected, rel=0.04)
    summary = oversampling.noise_kept(table)
    assert summary.loc["optical", "variance kept, mean"] == pytest.approx(np.mean(expected), rel=0.05)


def test_a_blend_with_itself_changes_nothing(tiny: Patches) -> None:
    """A change would be told where there is none."""
    rows = pairs([0, 5], [0, 5], [0.3, 0.7])
    table: Any = oversampling.effects(tiny.pixels, BANDS, rows, {"same": tiny.pixels[[0, 5]]})
    assert np.abs(table[["change, median", "5 %", "95 %"]].to_numpy()).max() <= 0.05 * np.abs(table["real"]).max()
    assert table["SSIM-SMOTE"].to_numpy() == pytest.approx(table["real"].to_numpy(), rel=1e-3, abs=1e-3)
    assert table["same"].to_numpy() == pytest.approx(table["real"].to_numpy(), rel=1e-3, abs=1e-3)


def test_means_stay_and_variances_fall(tiny: Patches) -> None:
    """The chapter's sentence on band means would be wrong."""
    minority = np.flatnonzero(tiny.known_labels == 1)
    rows = pairs(minority[:5].tolist(), minority[5:10].tolist(), [0.5] * 5)
    table: Any = oversampling.effects(tiny.pixels, BANDS, rows, {})
    for group in GROUPS:
        assert np.abs(table.loc[f"{group} mean", ["5 %", "95 %"]].astype(float)).max() <= 0.002
        assert table.loc[f"{group} noise", "95 %"] < 0
    red, nir = (oversampling.blended(tiny.pixels, rows)[:, band].astype(float) for band in (0, 3))
    assert table.loc["NDVI mean", "SSIM-SMOTE"] == pytest.approx(((nir - red) / (nir + red)).mean(), abs=1e-3)


def test_some_are_distinct_and_few() -> None:
    """A comparison of all pairs would take hours on the challenge's data."""
    chosen = oversampling.subsample(np.arange(100, 200), 30)
    assert len(set(chosen.tolist())) == 30 and (np.diff(chosen) > 0).all() and chosen.min() >= 100
    assert oversampling.subsample(np.arange(5), 30).tolist() == [0, 1, 2, 3, 4]


SMALL: dict[str, Any] = {
    "n_test": 6,
    "folds": 2,
    "epochs": 1,
    "image_size": 32,
    "batch_size": 4,
    "backbone": "test_resnet",
    "weights": "none",
    "smote_per_patch": 2,
    "smote_neighbours": 2,
    "resamples": 100,
}


@pytest.fixture(scope="module")
def leaked(
    tiny: Patches, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Study], dict[str, list[Result]], Patches]]:
    """Runs of seconds, with SMOTE in the right and in the wrong place."""
    path = tmp_path_factory.mktemp("data") / "tiny.h5"
    tiny.write(path)
    study = Study.load("smoke", str(path), **SMALL)
    studies = {"inside the folds": grids.best(study), "before the split": grids.before_split(study)}
    results = {name: [run.Run(row, fold).fit() for fold in range(2)] for name, row in studies.items()}
    yield studies, results, study.patches()


def test_the_leak_is_counted_and_scored(
    leaked: tuple[dict[str, Study], dict[str, list[Result]], Patches],
) -> None:
    """The section would show other scores than those of the runs, or leaks where there are none."""
    studies, results, patches = leaked
    table: Any = leak.leak(studies, results, patches)
    labels, development = patches.known_labels, studies["inside the folds"].splits(patches).development
    right, wrong = table.loc["inside the folds"], table.loc["before the split"]
    assert (right["with a validation parent"], wrong["with a validation parent"] > 0) == (0, True)
    assert right["synthetic rows"] == wrong["synthetic rows"] == 2 * labels[development].sum()
    for name, row in (("inside the folds", right), ("before the split", wrong)):
        said = np.empty(len(labels), bool)
        for result in results[name]:
            said[result.validation] = result.probabilities[result.validation] >= 0.5
        own = f1_score(labels[development], said[development], zero_division=0)
        test = results[name][0].test
        every = np.concatenate([result.probabilities[test] >= 0.5 for result in results[name]])
        truth = f1_score(np.tile(labels[test], 2), every, zero_division=0)
        assert row["out-of-fold F1"].value == pytest.approx(own)
        assert row["hold-out F1"].value == pytest.approx(truth)
        assert row["optimism"].value == pytest.approx(own - truth)
        assert row["out-of-fold F1"].low <= own <= row["out-of-fold F1"].high
    assert right["with synthetic patches"] == right["out-of-fold F1"]
    assert table.loc["difference", "out-of-fold F1"].value == pytest.approx(
        wrong["out-of-fold F1"].value - right["out-of-fold F1"].value
    )
    drawn = figures.optimism(table)
    assert drawn.name == "fig-leak" and f"{wrong['hold-out F1'].value:.2f}" in drawn.alt


def test_its_author_scores_synthetic_patches_as_landslides(
    leaked: tuple[dict[str, Study], dict[str, list[Result]], Patches], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The score that such an author reports would leave out what makes it high."""
    studies, results, patches = leaked
    made = 2 * int(patches.known_labels[studies["before the split"].splits(patches).development].sum())
    counted: list[NDArray[np.int8]] = []

    def count(labels: NDArray[np.int8], *rest: object, **more: object) -> NDArray[np.float64]:
        counted.append(labels)
        return np.zeros(101)

    monkeypatch.setattr(leak, "_f1_draws", count)
    leak.leak(studies, results, patches)
    real, author = counted[3:5]
    assert len(author) == len(real) + made and (author[len(real) :] == 1).all()
    assert len(counted[1]) == len(counted[0])


def test_findings_say_what_the_tables_say(
    leaked: tuple[dict[str, Study], dict[str, list[Result]], Patches],
) -> None:
    """A sentence would tell another number, or call chance a difference."""
    studies, results, patches = leaked
    table: Any = leak.leak(studies, results, patches)
    minority = np.flatnonzero(patches.known_labels == 1)
    rows = pairs(minority[:5].tolist(), minority[5:10].tolist(), [0.5] * 5)
    near: Any = oversampling.neighbours_compared(patches.pixels[minority], 3)
    made = {"SSIM-SMOTE": oversampling.blended(patches.pixels, rows)}
    made["SMOTE on pixels"] = oversampling.pixel_smote(patches.pixels[minority], 4)
    copies = oversampling.nearest_real(made, patches.pixels[minority])
    noise_table = oversampling.noise(patches.pixels, BANDS, rows)
    changes = oversampling.effects(patches.pixels, BANDS, rows, made)
    kept = oversampling.noise_kept(noise_table)
    text: Any = findings.oversampling((7, 3), 15, near, copies, kept, changes, table).data
    assert f"{near.loc['Euclidean', 'shared with SSIM'] * 100:.0f}\N{NO-BREAK SPACE}%" in text
    assert f"{table.loc['difference', 'out-of-fold F1'].value:+.3f}" in text
    assert f"{table.loc['before the split', 'with synthetic patches']}" in text
    without = table.drop(columns=["hold-out F1", "optimism"])
    assert "no hold-out part" in findings.oversampling((7, 3), 15, near, copies, kept, changes, without).data
    drawn = figures.noise_by_weight(noise_table)
    assert all(f"{group} {noise_table[group].mean():.2f}" in drawn.alt for group in GROUPS)


def test_the_family_shows_anchor_neighbours_and_children(tiny: Patches) -> None:
    """Fig. 4a would show other patches than the rows have as parents."""
    minority = np.flatnonzero(tiny.known_labels == 1)
    indices, values = nearest(tiny.pixels[minority], 2)
    children = [(int(a), int(minority[b])) for a, near in zip(minority, indices, strict=True) for b in near]
    rows = pairs([a for a, _ in children], [b for _, b in children], [0.4] * len(children))
    drawn = figures.family(tiny.pixels, BANDS, indices, values, minority, rows, anchors=[0, 2])
    titles = [axis.get_title() for axis in drawn.figure.axes]
    assert len(titles) == 2 * (1 + 2 + 2)
    assert titles[0] == titles[5] == "anchor" and titles[1] == f"SSIM {values[0, 0]:.2f}"
    assert titles[3:5] == ["λ 0.40\nneighbour 1", "λ 0.40\nneighbour 2"]
