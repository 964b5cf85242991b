"""The study's parameters: refused when they are wrong, the paper's where they are the paper's."""

import re
import shutil
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.model_selection import StratifiedKFold

from landslide_nb.common.errors import DataError, StudyError
from landslide_nb.common.seeds import LARGEST_SEED
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import zindi
from landslide_nb.experiments import grids, plan
from landslide_nb.experiments.published import published
from landslide_nb.experiments.study import EDITIONS, Study
from landslide_nb.experiments.study_texts import SIMULATED
from landslide_nb.models import heads
from landslide_nb.simulation import draw, render
from landslide_nb.tabular import statistics
from landslide_nb.training.settings import Settings

PAPER = {
    "image_size": 256,
    "batch_size": 36,
    "epochs": 50,
    "learning_rate": 3e-4,
    "folds": 5,
    "score_every": 3,
    "backbone": "tf_efficientnetv2_l.in21k_ft_in1k",
    "smote_per_patch": 5,
    "channels": 12,
    "scaling": "standard",
    "colour": 0.2,
    "geometry": 0.2,
    "svm_c": (10.0, 1.0, 0.75, 0.5, 0.1, 0.01),
}


@pytest.mark.parametrize("edition", ["smoke", "lite", "paper"])
def test_editions_load(edition: str) -> None:
    """`-p edition lite` would end in an error."""
    study = Study.load(edition)
    assert study.edition == edition
    assert study.data == SIMULATED
    assert study.backbone in study.backbones
    assert study.n_test < study.simulated_patches
    assert list(grids.by_backbone(study)) == list(study.backbones)


def test_there_are_four_editions() -> None:
    """A file that lies beside them by accident would become an edition."""
    assert EDITIONS == ("lite", "paper", "real", "smoke")


def test_paper_edition_is_the_papers() -> None:
    """The reproduction would be one of other settings."""
    study = Study.load("paper")
    assert {name: getattr(study, name) for name in PAPER} == PAPER


@pytest.mark.parametrize("edition", EDITIONS)
def test_default_is_left_where_nothing_is_given(edition: str) -> None:
    """A chapter's `epochs = None` would be an error, or replace the edition's epochs."""
    assert Study.load(edition, epochs=None) == Study.load(edition)
    assert Study.load(edition, epochs=2).epochs == 2


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("epoch", "'epochs'"),
        ("learning_rat", "'learning_rate'"),
        ("imagesize", "'image_size'"),
        ("backbone_", "'backbone'"),
        ("zzz", "known are data_set, backbone, "),
    ],
)
def test_unknown_parameter_names_the_right_one(name: str, hint: str) -> None:
    """A typing error would be ignored, and a night be spent on the wrong study."""
    with pytest.raises(StudyError, match=f"unknown parameter '{name}'; .*{hint}"):
        Study.load("smoke", SIMULATED, **{name: 3})
    with pytest.raises(StudyError, match=f"unknown parameter '{name}'; .*{hint}"):
        Study.load("smoke").replace(**{name: 3})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "3"),
        ("epochs", 2.5),
        ("epochs", True),
        ("learning_rate", "fast"),
        ("mixup", 1),
        ("mixup", "no"),
        ("backbone", 18),
        ("backbones", "resnet18"),
        ("data", 1),
        ("seed", "a"),
        ("svm_c", 1.0),
    ],
)
def test_wrong_type_is_refused(name: str, value: Any) -> None:
    """The text "no" would switch a parameter on."""
    with pytest.raises(StudyError, match=f"parameter '{name}' is .*{type(value).__name__}.*; expected"):
        Study.load("smoke", **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("image_size", 8),
        ("image_size", 4096),
        ("batch_size", 1),
        ("learning_rate", 0.0),
        ("learning_rate", -1e-3),
        ("folds", 1),
        ("n_test", -1),
        ("seed", -1),
        ("data_seed", -1),
        ("smote", -1),
        ("smote_per_patch", -1),
        ("smote_alpha", 0.0),
        ("colour", 1.5),
        ("channels", 13),
        ("scaling", "minmax"),
        ("schedule", "linear"),
        ("stem", "zero"),
        ("precision", "float16"),
        ("resamples", 1),
        ("simulated_patches", 1),
    ],
)
def test_value_out_of_range_is_refused(name: str, value: Any) -> None:
    """The error would come from inside torch, hours later."""
    with pytest.raises(StudyError, match=f"parameter '{name}' is {value!r} .*; expected"):
        Study.load("smoke", **{name: value})
    with pytest.raises(StudyError, match=f"parameter '{name}' is {value!r} .*; expected"):
        Study.load("smoke").replace(**{name: value})


def test_errors_are_one_line() -> None:
    """The command line promises one sentence."""
    wrong: list[dict[str, Any]] = [
        {"epoch": 1},
        {"epochs": "3"},
        {"channels": 13},
        {"backbone": "no"},
        {"edition": "no"},
    ]
    for parameters in wrong:
        with pytest.raises(StudyError) as error:
            Study.load(**parameters)
        assert len(str(error.value).splitlines()) == 1


def test_unknown_edition_is_refused() -> None:
    """Another edition than the one that was asked for would run."""
    with pytest.raises(StudyError, match="edition is 'large'; expected one of lite, paper, real, smoke"):
        Study.load("large")


@pytest.mark.parametrize("name", ["resnet17", "unet:resnet17", "efficientnet_v3"])
def test_unknown_backbone_is_refused(name: str) -> None:
    """The error would come when the first run starts."""
    with pytest.raises(StudyError, match=f"backbone '{name}' is not known to timm"):
        Study.load("smoke", backbone=name)


@pytest.mark.parametrize("name", ["epochs", "data", "note"])
def test_study_is_frozen(name: str) -> None:
    """A chapter could change a parameter after the runs that it shows were made."""
    study = Study.load("smoke")
    with pytest.raises(ValidationError, match="frozen"):
        setattr(study, name, 77)
    assert study.replace(epochs=77).epochs == 77
    assert study.epochs == Study.load("smoke").epochs != 77


def test_settings_are_all_that_determines_a_run() -> None:
    """A run would be made again because a parameter of the chapters changed."""
    study = Study.load("lite")
    assert set(study.settings.model_dump()) == set(Settings.model_fields)
    assert study.replace(resamples=333, svm_c=(1.0,)).settings == study.settings
    assert study.replace(seed=1).settings != study.settings


@pytest.mark.parametrize(("table", "rows"), [("table1", 9), ("table2", 8), ("table3", 6)])
def test_published_tables_are_whole(table: Literal["table1", "table2", "table3"], rows: int) -> None:
    """A chapter would compare with a part of the paper."""
    assert len(published(table)) == rows


def test_published_best_scores() -> None:
    """The chapters would measure themselves against other numbers than the paper's."""
    assert published("table2")["test_f1"].max() == published("table2")["test_f1"].iloc[-1] == 0.8915
    assert published("table3").set_index("head")["test_f1"].max() == 0.8938


@pytest.mark.parametrize("edition", EDITIONS)
def test_ablations_are_table_2(edition: str) -> None:
    """A row of our table would be of another experiment than the paper's row of that name."""
    study = Study.load(edition, left_out=[])
    rows = grids.ablations(study.replace(smote_per_patch=5))
    table = published("table2").set_index("row").rename(index=lambda name: grids.row_name(name, study))
    assert list(rows) == list(table.index)
    assert len(rows) == 8
    counts = dict(zip((12, 20), study.data_set.bands.counts, strict=False))
    for name, row in rows.items():
        for column in ("mixup", "cutmix", "schedule", "scaling"):
            assert getattr(row, column) == table.loc[name, column]
        assert row.channels == counts[int(table["channels"][name])]
        assert row.image_size * 256 == study.image_size * int(table["size"][name])
        assert row.smote == (5 if table["smote"][name] else 0)
        assert row.epochs == study.epochs


def test_first_and_last_ablation() -> None:
    """The chapters on backbones and heads would start from another row."""
    study = Study.load("paper")
    first, *_, last = grids.ablations(study).values()
    assert grids.baseline(study) == first
    assert (first.mixup, first.cutmix, first.schedule, first.smote) == (False, False, "none", 0)
    assert grids.best(study) == last
    assert (last.mixup, last.cutmix, last.schedule, last.smote) == (True, True, "cosine", 5)
    assert [row.image_size for row in grids.ablations(study).values()] == [256, 384, *[256] * 6]
    assert grids.best(study.replace(smote_per_patch=3)).smote == 3


def test_each_backbone_is_the_baseline_with_its_weights() -> None:
    """Networks would be compared that differ in more than the network."""
    study = Study.load("lite")
    for name, row in grids.by_backbone(study).items():
        assert row == grids.baseline(study).replace(backbone=name, weights=study.backbones[name])


def test_decurs_row_is_there_when_its_file_is() -> None:
    """The paper's ResNet-50 with DeCUR's weights could not be compared, or every reader would need its file."""
    study = Study.load("smoke", decur="decur.pth")
    (name, row), *others = list(grids.by_backbone(study).items())[::-1]
    assert (name, row.backbone, row.weights) == ("resnet50, DeCUR", "resnet50", "decur.pth")
    assert [name for name, _ in others[::-1]] == list(study.backbones)
    assert row in grids.experiments(study).values()


def test_pretraining_changes_one_thing() -> None:
    """What a row changes besides its name would be taken for the effect of weights."""
    study = Study.load("smoke")
    base = grids.baseline(study)
    assert grids.by_pretraining(study) == {"none": base.replace(weights="none"), "imagenet": base}
    rows = grids.by_pretraining(study.replace(weights="none", backbone="resnet18"))
    assert [(name, row.backbone, row.weights) for name, row in rows.items()] == [
        ("none", "tf_efficientnet_lite0", "none"),
        ("imagenet", "tf_efficientnet_lite0", "imagenet"),
    ], "a study that starts at random would compare nothing with nothing"


@pytest.mark.parametrize("name", ["unet:resnet18", "multi:resnet18", "multi(shared):resnet18"])
def test_a_study_may_have_any_kind_of_network_as_its_own(name: str) -> None:
    """Chapter 09 would ask for encoders of encoders, and no command take the parameter that the page of parameters names."""
    study = Study.load("smoke", backbone=name, left_out=[])
    assert {row.backbone for row in grids.ablations(study).values()} == {name}
    compared = [row.backbone for row in grids.by_modality(study).values()]
    assert compared == ["resnet18"] * 2 + ["multi:resnet18"] * 2 + ["multi(shared):resnet18"]
    assert grids.experiments(study)


@pytest.mark.parametrize("name", ["seed", "data_seed"])
def test_a_seed_that_some_library_does_not_take_is_refused(name: str) -> None:
    """A seed from the clock in nanoseconds would end in a traceback of NumPy's, after the runs have trained."""
    with pytest.raises(
        StudyError, match=rf"'{name}' is 4294967296 \(int\); expected less than or equal to {LARGEST_SEED}"
    ):
        Study.load("smoke", SIMULATED, **{name: 2**32})
    assert getattr(Study.load("smoke", SIMULATED, **{name: LARGEST_SEED}), name) == LARGEST_SEED
    most, labels = LARGEST_SEED + 1000, np.arange(40) % 2  # as counted on, fold by fold
    values = np.random.default_rng(most).normal(size=(40, 2))
    heads.lightgbm(most).fit(values, labels)
    next(StratifiedKFold(2, shuffle=True, random_state=most).split(values, labels))
    torch.manual_seed(LARGEST_SEED * 100_003 + 2**36)  # of an epoch, in a process of several


@pytest.mark.parametrize("edition", ["smoke", "lite", "paper"])
def test_experiments_are_all_and_each_once(edition: str) -> None:
    """A chapter would lack a run, or the same network be trained twice."""
    study = Study.load(edition, left_out=[])
    base = grids.baseline(study)
    more = [grids.best(study).replace(smote_scope="before_split"), base.replace(weights="none")]
    one, rate = base.replace(stem="random"), study.missing_rate
    multi = one.replace(backbone=f"multi:{study.backbone}")
    more += [one, one.replace(modality_dropout=rate), multi, multi.replace(modality_dropout=rate)]
    more += [one.replace(backbone=f"multi(shared):{study.backbone}")]
    wanted = [
        *grids.ablations(study).values(),
        *grids.by_backbone(study).values(),
        *more,
    ]
    keys = [row.settings.model_dump_json() for row in grids.experiments(study).values()]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {row.settings.model_dump_json() for row in wanted}
    assert len(keys) == len(wanted) - 1  # the baseline's own backbone is in both


def test_what_is_left_out_has_no_run_and_no_row() -> None:
    """A first look would train what nobody has time for, or an edition lose what others are compared with."""
    study = Study.load("lite", left_out=["+ step schedule", "encoders"])
    names = set(grids.experiments(study))
    assert not {"+ step schedule", "encoders"} & names
    assert {"baseline", "+ step schedule"} - set(grids.ablations(study)) == {"+ step schedule"}
    for needed in ("baseline", "+ cosine + SSIM-SMOTE", "one stem", "nothing"):
        with pytest.raises(StudyError, match=f"left out is called '{re.escape(needed)}'"):
            Study.load("lite", left_out=[needed])


def test_a_first_look_stays_short() -> None:
    """`make book` would take a newcomer's patience: every run more, and every step, is one that somebody waits for."""
    studies = grids.experiments(Study.load("smoke")).values()
    assert sum(study.folds for study in studies) <= 18
    assert sum(plan.images(study) // study.batch_size * study.folds for study in studies) <= 240


def test_simulated_patches_are_kept(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each chapter would simulate again, or read other patches than the run was trained on."""
    study = Study.load("smoke", simulated_patches=12)
    first = study.patches()
    monkeypatch.setattr(render, "render", None)
    again = study.patches()
    assert again.ids == first.ids
    assert again.fingerprint == first.fingerprint
    assert len(list((store / "rendered").glob("*.h5"))) >= 1
    monkeypatch.undo()
    assert first.fingerprint == draw.simulate(12, study.data_seed).fingerprint
    assert study.replace(data_seed=1).patches().fingerprint != first.fingerprint
    assert len(study.replace(simulated_patches=13).patches()) == 13


def test_folder_and_file_are_the_same_data(folder: Path, tmp_path: Path) -> None:
    """Runs on the folder would be made again for the file."""
    zindi.convert(folder, tmp_path / "patches.h5")
    from_folder = Study.load("smoke", data=str(folder)).patches()
    from_file = Study.load("smoke", data=str(tmp_path / "patches.h5")).patches()
    assert from_folder.ids == from_file.ids
    assert from_folder.fingerprint == from_file.fingerprint
    assert from_file.labels is not None


@pytest.mark.parametrize("name", ["missing", "missing.h5"])
def test_missing_data_is_named(name: str, tmp_path: Path) -> None:
    """A study on real data would silently run on simulated patches."""
    with pytest.raises(DataError, match=f"{name} does not exist"):
        Study.load("smoke", data=str(tmp_path / name)).patches()


def test_damaged_folder_is_refused(folder: Path) -> None:
    """A study would run on the patches that are left."""
    shutil.rmtree(folder / "train_data")
    with pytest.raises(DataError, match=r"Train\.csv lists"):
        Study.load("smoke", data=str(folder)).patches()


def test_split_is_the_studys(tiny: Patches) -> None:
    """The test part would have another size than the chapter says."""
    parts = Study.load("smoke", n_test=6, folds=3).splits(tiny)
    assert (len(parts.test), len(parts.folds)) == (6, 3)
    with pytest.raises(DataError, match="no labels"):
        Study.load("smoke").splits(Patches(tiny.ids, tiny.pixels))


@pytest.mark.parametrize("edition", EDITIONS)
def test_each_edition_can_be_split(edition: str) -> None:
    """The edition's own patches would be too few for its test part and folds."""
    study = Study.load(edition, data=SIMULATED)
    labels = np.zeros(study.simulated_patches, np.int8)
    labels[: round(len(labels) * draw.POSITIVE_RATE)] = 1
    patches = Patches(tuple(map(str, range(len(labels)))), np.zeros((len(labels), 12, 1, 1), np.float32), labels)
    assert len(study.splits(patches).folds) == study.folds


def test_note_says_that_patches_are_simulated(tmp_path: Path) -> None:
    """A reader would take numbers of simulated patches for real ones."""
    assert "Simulated patches" in Study.load("smoke")._repr_markdown_()
    assert "Simulated patches" not in Study.load("smoke", data=str(tmp_path / "real.h5"))._repr_markdown_()


def test_twins_have_the_statistics_and_labels_of_a_table(tiny: Patches, tmp_path: Path) -> None:
    """Who has the table and not the patches could not train on anything like the real ones."""
    table = statistics.describe(tiny)
    table.to_csv(tmp_path / "table.csv", index=False)
    study = Study.load("smoke", data=f"statistics:{tmp_path / 'table.csv'}")
    twins = study.patches()
    assert twins.ids == tiny.ids
    assert twins.known_labels.tolist() == tiny.known_labels.tolist()
    assert statistics.describe(twins)["NIR_mean"].to_numpy() == pytest.approx(table["NIR_mean"].to_numpy(), rel=1e-3)
    assert study.patches().fingerprint == twins.fingerprint
    assert "Statistical twins" in study._repr_markdown_() and "simulated" in study._repr_markdown_()


def test_twins_of_no_table(tmp_path: Path) -> None:
    """A mistyped path would end in a traceback."""
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        Study.load("smoke", data=f"statistics:{tmp_path / 'none.csv'}").patches()


@pytest.mark.parametrize(
    "values", [{"data": ""}, {"data": " "}, {"data": "statistics:"}, {"statistics": ""}, {"patch": ""}]
)
def test_an_empty_path_is_not_the_folder_that_one_is_in(values: dict[str, str]) -> None:
    """A variable of the shell that is not set would have the current folder read, and be told that it is of no known kind."""
    with pytest.raises(StudyError, match=rf"parameter '{next(iter(values))}' is empty"):
        Study.load("smoke", **values)


def test_published_data_are_those_of_the_edition_that_is_published() -> None:
    """A chapter would look for the runs of other settings, and say that nothing is published."""
    study = Study.load("smoke", data="published", resamples=300)
    assert (study.edition, study.data, study.resamples) == ("real", "published", 300)
    assert study.source == "real landslides" and "Credit: Ghorbanzadeh" in study._repr_markdown_()
    assert Study.load("real") == Study.load("smoke", data="published")
    assert all(not row.smote for row in grids.ablations(study).values()), "landslides are no minority there"
    assert grids.best(study) == grids.without_smote(study)
    with pytest.raises(DataError, match=r"the pixels of .* are not published with the predictions; give your own copy"):
        study.patches()
