"""What is said of bands over all folds is what their networks show on patches that they never saw."""

from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from landslide_nb.chapters.c08 import findings, occlusion, permutation
from landslide_nb.chapters.c08.occlusion import against_optical, alarms, intervals, landslides, verdict
from landslide_nb.data.bands import BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.experiments.study import Study
from landslide_nb.explain.occlusion import features_of
from landslide_nb.metrics.bootstrap import Interval
from landslide_nb.tabular.statistics import COLUMNS
from landslide_nb.tabular.trees import trees_out_of_fold

BANDS = CHALLENGE.bands
FEATURES = features_of(BANDS)


def falls(patches: int = 40, folds: int = 2, means: Mapping[str, float] = MappingProxyType({})) -> pd.DataFrame:
    """A table of falls: every fold scores every patch; noise around each feature's mean; half are landslides."""
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([range(folds), range(patches)], names=["fold", "patch"])
    noise = 0.01 * rng.standard_normal((len(index), len(FEATURES)))
    table = pd.DataFrame(noise, index, list(FEATURES)).assign(label=np.arange(len(index)) % 2)
    table["probability"] = np.where(np.arange(len(index)) % 4 < 2, 0.9, 0.1)
    for name, mean in means.items():
        table[name] += mean
    return table


def test_intervals_hold_the_mean_and_see_patches_and_folds() -> None:
    """An interval would treat a patch that every fold scores as many patches, or networks as if they did not differ."""
    one = falls(folds=1)[["R"]]
    naive = 1.96 * one["R"].std() / np.sqrt(len(one))
    copied = pd.concat({fold: one.droplevel("fold") for fold in range(5)}, names=["fold", "patch"])
    for table in (one, copied):
        found = intervals(table, 2000)["R"]
        assert found.value == pytest.approx(table["R"].mean())
        assert (found.high - found.low) / 2 == pytest.approx(naive, rel=0.15)
    apart = copied + 0.2 * copied.index.get_level_values("fold").to_numpy()[:, None]
    wide = intervals(apart, 2000)["R"]
    assert wide.high - wide.low > 0.2
    assert intervals(apart, 500, seed=1) == intervals(apart, 500, seed=1)


def test_intervals_stand_folds_without_common_patches() -> None:
    """Out of fold, each patch has one fold; a draw that leaves none must not make the interval NaN."""
    table = falls(4, 2).iloc[[0, 5]][["R", "G"]]
    assert np.isfinite([list(found) for found in intervals(table, 500).values()]).all()


def test_who_is_looked_at() -> None:
    """Landslides would be picked by their score, or false alarms be landslides."""
    table = falls()
    assert set(landslides(table)["label"]) == {1} and set(landslides(table)["probability"]) == {0.1, 0.9}
    sets = alarms(table)
    assert set(sets["hits"]["label"]) == {1} and set(sets["false alarms"]["label"]) == {0}
    assert all(set(part["probability"]) == {0.9} for part in sets.values())


@pytest.mark.parametrize("test", [0, 8])
def test_each_fold_is_asked_about_patches_it_never_saw(
    tiny: Patches, test: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bands would be those of memory; or all folds but the first would be left out."""
    held = {0: np.arange(8, 12), 1: np.arange(12, 16)}
    told = np.linspace(0, 1, len(tiny)).astype(np.float32)
    asked: dict[int, tuple[str, ...]] = {}

    class Fake:
        def __init__(self, study: Study, fold: int) -> None:
            self.fold, self.data = fold, (tiny, None)

        def fit(self) -> Any:
            return SimpleNamespace(test=np.arange(test), validation=held[self.fold], probabilities=told)

    def ask(run: Any, patches: Patches, fill: str, features: Any, donors: Patches, seed: int) -> pd.DataFrame:
        unseen = np.arange(test) if test else held[run.fold]
        assert list(donors.ids) == [tiny.ids[i] for i in unseen]
        asked[run.fold] = patches.ids
        return pd.DataFrame(0.0, list(patches.ids), list(features))

    monkeypatch.setattr(occlusion, "Run", Fake)
    monkeypatch.setattr(occlusion, "band_occlusion", ask)
    table = occlusion.all_folds(Study.load("smoke"), "zero")
    labels = tiny.known_labels
    for fold, ids in asked.items():
        unseen = np.arange(test) if test else held[fold]
        assert list(ids) == [tiny.ids[i] for i in unseen if labels[i] == 1 or told[i] >= 0.5]
    assert sorted(asked) == [0, 1] and list(table.index.names) == ["fold", "patch"]
    assert (table["probability"] == [told[tiny.ids.index(name)] for _, name in table.index]).all()


def test_sums_favour_the_sensor_with_more_bands() -> None:
    """What is said of SAR against optical would have the wrong sign, or hide that the paper's sum counts bands."""
    same = against_optical(falls(means=dict.fromkeys(BANDS.names, 0.1)), BANDS, 500)
    assert same["sum of single bands"].value == pytest.approx(0.4, abs=0.02)
    assert same["mean of single bands"].value == pytest.approx(0, abs=0.01)
    found = against_optical(falls(means={"SAR": 0.3, "descending": -0.2}), BANDS, 500)
    assert [verdict(found[f"{name} as a group"]) for name in ("SAR", "descending")] == ["for it", "against it"]
    assert verdict(Interval(0.1, -0.1, 0.2)) == "inconclusive"


def test_the_picture_says_its_numbers_and_takes_an_empty_set() -> None:
    """A reader who cannot see it would not learn them; a good network without false alarms would stop the chapter."""
    table = falls(means={"B": 0.25})
    picture = occlusion.picture(
        {"landslides": landslides(table), "none": table.iloc[:0]}, BANDS, 200, "Falls.", "fig-x"
    )
    assert "B +0.25" in picture.alt and "none" not in picture.alt and len(picture.figure.axes) == 1
    assert occlusion.picture({"none": table.iloc[:0]}, BANDS, 200, "Falls.", "fig-x").alt.endswith("No patch to show.")


def test_findings_follow_the_numbers() -> None:
    """A text would go on saying what other data has shown."""
    table = falls(means={"B": 0.25, "SAR": 0.3})
    sets = {"zero": landslides(table)}
    shown, wrong = occlusion.table(sets, 200), occlusion.table(alarms(table), 200)
    text = findings.occlusion(shown, wrong, alarms(table), BANDS, "toys").data
    assert "B +0.2" in text and "What carries a wrong" in text
    few = alarms(table.iloc[:8])
    assert "too few (2)" in findings.occlusion(shown, occlusion.table(few, 200), few, BANDS, "toys").data
    none = alarms(table[table["label"] == 1])
    assert "too few (0)" in findings.occlusion(shown, occlusion.table(none, 200), none, BANDS, "toys").data
    evidence = occlusion.evidence(sets, BANDS, 200)
    assert "No table of real statistics" in findings.sar(evidence, None, BANDS, "toys").data
    real = {
        f"F1 lost, {name}": Interval(v, v, v)
        for name, v in zip(("SAR", "descending", "ascending"), (1, -1, 0), strict=True)
    }
    said = findings.sar(evidence, real, BANDS, "toys").data
    assert "SAR bands together are more important than" in said and "descending pass is less important than" in said
    assert "ascending pass is inconclusive against" in said


def test_without_radar_nothing_is_said_of_it() -> None:
    """A study of pictures would stop at the question that its bands cannot answer, or answer it."""
    rgb = BandSet(bands=BANDS.bands[:3])
    table = falls(means={"B": 0.25})[["R", "G", "B", "label", "probability"]]
    sets = {"landslides": landslides(table)}
    assert occlusion.evidence(sets, rgb, 200) is None
    assert "There is no radar among these bands" in findings.sar(None, None, rgb, "toys").data
    shown = occlusion.table(sets, 200)
    assert list(shown.index) == ["R", "G", "B"]
    text = findings.occlusion(shown, occlusion.table(alarms(table), 200), alarms(table), rgb, "toys").data
    assert "B +0.2" in text and "SAR" not in text
    picture = occlusion.picture(sets, rgb, 200, "Falls.", "fig-x")
    assert [label.get_text() for label in picture.figure.axes[0].get_yticklabels()] == ["R", "G", "B"]


@pytest.fixture(scope="module")
def known() -> pd.DataFrame:
    """Statistics of 400 patches in which only ascending VV knows the label."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.standard_normal((400, len(COLUMNS))), columns=list(COLUMNS)).astype(np.float32)
    table.insert(0, "label", (table["AVV_mean"] + table["AVV_std"] > 0.5).astype(np.int8))
    table.insert(0, "ID", [f"P{i}" for i in range(len(table))])
    return table


def test_a_band_takes_its_indices_along() -> None:
    """An optical band would seem to cost nothing, for its index still tells."""
    columns = permutation.columns_of([BANDS.names.index("R")])
    assert {name.split("_")[0] for name in columns} == {"R", "NDVI", "cloud"} and len(columns) == 13
    assert len(permutation.columns_of([BANDS.names.index("AVV")])) == 6
    sensors = [permutation.columns_of(FEATURES[name]) for name in ("optical", "SAR")]
    assert sorted(sensors[0] + sensors[1]) == sorted(COLUMNS)


def test_permutation_finds_the_band_that_knows(known: pd.DataFrame) -> None:
    """Chapter 08 would name another band, or score trees on rows that they were fitted on."""
    table = permutation.permuted(known)
    told = table["probability"].droplevel("fold").loc[known["ID"]]
    np.testing.assert_array_equal(told, trees_out_of_fold(known))
    lost = permutation.f1_lost(table, 200)
    carriers = {name for name in FEATURES if lost[name].low > 0.1}
    assert carriers == {"AVV", "SAR", "ascending", "backscatter"}
    assert lost["SAR minus optical"].low > 0 > lost["descending minus optical"].low
    alone = permutation.alone(known, table, 200)
    area: Any = alone["AUROC"].to_dict()
    assert area["SAR only"].low > 0.9 and area["optical only"].high < 0.65
    evidence = permutation.evidence(table, lost, alone, 200)
    assert verdict(evidence["F1 of LightGBM fitted on SAR only"]) == "for it"
    assert "F1 lost" in permutation.table(permutation.sets(table), lost, 200)
