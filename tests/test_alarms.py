"""Errors are counted as scikit-learn counts them, and the sliders' script says what the code says."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page
from sklearn.metrics import f1_score, precision_score, recall_score

from landslide_nb.chapters.c05 import alarms, errors
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.labelled import Labelled
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.study import Study

N, TEST = 6000, 2500
STUDY = Study.load("smoke", resamples=200)
NUMBERS = re.compile(r"[\d,]+(?:\.\d+)?")


def networks(noise: float = 1.0, replicates: int = 3) -> tuple[list[Result], NDArray[np.int8]]:
    """Replicates whose log-odds know something of the label, on a hold-out test in blocks of ten patches."""
    rng = np.random.default_rng(5)
    labels = (rng.random(N) < 0.6).astype(np.int8)
    order, groups = np.arange(N), (np.arange(N) // 10).astype(str)
    made = []
    for _ in range(replicates):
        said = (2 * labels - 1 + noise * rng.standard_normal(N)).astype(np.float32)
        nothing, weight = np.empty(0, np.int64), np.empty(0, np.float32)
        parts = (order[2 * TEST :], order[TEST : 2 * TEST], order[:TEST])
        history = pd.DataFrame({"validation_f1": [0.5]})
        made.append(
            Result(
                said,
                said,
                np.empty((0, 0), np.float32),
                nothing,
                nothing,
                weight,
                history,
                1.0,
                *parts,
                Path("run"),
                groups,
            )
        )
    return made, labels


@pytest.fixture(scope="module")
def known() -> Labelled:
    """The patches of those networks, all but their pixels."""
    _, labels = networks()
    return Labelled(tuple(f"ID_{i}" for i in range(N)), labels, CHALLENGE, "made up")


@pytest.fixture(scope="module")
def shown(known: Labelled) -> alarms.Sliders:
    """Sliders over two networks, whose names are no markup."""
    return alarms.sliders({"near <b>": networks(0.5)[0], "far": networks(2.0)[0]}, known, "made-up <i>patches</i>")


def test_errors_are_those_of_scikit_learn() -> None:
    """A reader would see misses under the name of false alarms, or a precision of other patches."""
    made, labels = networks()
    table = errors.outcomes({"one": made}, STUDY, labels)
    for threshold in ("0.5", "chosen"):
        row = table.loc[f"one, threshold {threshold}"]
        means = [float(row[name].split(" ")[0]) for name in ("TP", "FP", "FN", "TN")]
        assert sum(means) == pytest.approx(TEST, abs=2) and means[0] + means[2] == pytest.approx(
            labels[:TEST].sum(), abs=1
        )
        for name in ("precision", "recall"):
            assert row[name].low < row[name].value < row[name].high
    row, called = table.iloc[0], [r.best_log_odds[:TEST] >= 0 for r in made]
    assert row["precision"].value == pytest.approx(np.mean([precision_score(labels[:TEST], each) for each in called]))
    assert row["recall"].value == pytest.approx(np.mean([recall_score(labels[:TEST], each) for each in called]))
    false = [int((each & (labels[:TEST] == 0)).sum()) for each in called]
    assert row["FP"] == f"{np.mean(false):.0f} ({min(false)}–{max(false)})"


def test_without_alarms_there_is_no_precision() -> None:
    """A network that calls nothing would have a precision of 0, or stop the chapter."""
    labels, weights = np.array([True, False]), np.ones((2, 2))
    assert np.isnan(errors.precision(labels, np.array([-1.0, -1.0]), weights)).all()
    assert (errors.recall(labels, np.array([-1.0, -1.0]), weights) == 0).all()
    assert np.isnan(alarms.worth(0, 0, 0.1, 0.4)["precision"])


def test_at_their_own_rate_alarms_are_worth_what_they_score(known: Labelled) -> None:
    """The formula would not be that of precision, or points would be of other thresholds than they say."""
    made, labels = networks(replicates=1)
    points, truth = alarms.operating(made, labels), labels[:TEST]
    for threshold in (0.3, 0.5, 0.9):
        called = 1 / (1 + np.exp(-made[0].best_log_odds[:TEST].astype(float))) >= threshold
        worth = alarms.at(points, alarms.THRESHOLDS.index(threshold), float(truth.mean()), 0.4)
        assert worth["precision"].value == pytest.approx(precision_score(truth, called), abs=1e-3)
        assert worth["F1"].value == pytest.approx(f1_score(truth, called), abs=1e-3)
        assert worth["alarms per 1,000 km²"].value == pytest.approx(called.mean() * 1000 / 0.4, rel=1e-3)
    assert (points.recall[:, 0] == 1).all() and (points.false_positive_rate[:, -1] == 0).all()
    table = alarms.table({"one": points}, 0.4)["one"]
    assert table.map(lambda each: each.value).is_monotonic_decreasing


def test_a_patch_has_its_area() -> None:
    """Alarms would be of another ground than the caption says."""
    assert alarms.patch_area(CHALLENGE) == pytest.approx(0.64**2)
    coarse = DataSet(**CHALLENGE.model_dump() | {"pixel_metres": 20.0})
    assert alarms.patch_area(coarse) == pytest.approx(1.28**2)


def test_the_sliders_are_small_and_ask_no_host(shown: alarms.Sliders) -> None:
    """A published page would call a host, or take long to load; text that is not markup would become markup."""
    assert not re.search(r"https?://|src=|@import|{{|<b>far|<i>", shown.html) and len(shown.html) < 30_000
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == shown.alt and bundle["text/html"] == shown.html
    assert shown.html.count("<tr") == 1 + len(alarms.TABLE_RATES) and "0.1 %:" in shown.alt


def opened(shown: alarms.Sliders, browser: Browser, path: Path, faults: list[str], **options: object) -> Page:
    """The sliders as a page of their own; what goes wrong is appended to the faults."""
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><title>a</title><body>{shown.html}", "utf-8")
    page = browser.new_page(**options)  # type: ignore[arg-type]
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.extend([message.text] * (message.type == "error")))
    page.on("request", lambda request: faults.extend([request.url] * (not request.url.startswith("file:"))))
    page.goto(path.as_uri())
    return page


def agrees(page: Page, points: alarms.Operating, place: int, rate: float) -> None:
    """The text of the live region has the numbers that Python computes."""
    said = page.inner_text("output").splitlines()
    assert f"threshold {alarms.THRESHOLDS[place]:g}, {100 * rate:.3g} % of patches" in said[0]
    expected = alarms.at(points, place, rate, 0.64**2)
    for line, (name, values) in zip(said[1:], expected.items(), strict=True):
        assert line.startswith(f"{name}: ")
        numbers = [float(each.replace(",", "")) for each in NUMBERS.findall(line.removeprefix(f"{name}: "))]
        finest = [0.001 if name in {"precision", "recall", "F1"} else 0.1 if each < 10 else 1.0 for each in values]
        assert len(numbers) == (0 if np.isnan(values.value) else 3)
        for number, each, step in zip(numbers, values, finest, strict=False):
            assert abs(number - each) <= step / 2 + 1e-9, line


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_sliders_say_what_the_code_says(
    shown: alarms.Sliders, known: Labelled, scheme: str, tmp_path: Path, browser: Browser
) -> None:
    """A reader would be told another precision than the formula's, or could not move a slider by the keyboard."""
    faults: list[str] = []
    page = opened(
        shown, browser, tmp_path / "a.html", faults, color_scheme=scheme, viewport={"width": 390, "height": 900}
    )
    labels = known.known_labels
    near, far = (alarms.operating(networks(noise)[0], labels) for noise in (0.5, 2.0))
    own = float(f"{labels[:TEST].mean():.3g}")
    values = alarms.rates(own)
    threshold = page.get_by_role("slider", name="Threshold")
    agrees(page, near, alarms.EVEN, own)
    page.get_by_label("Patches with a landslide").focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    agrees(page, near, alarms.EVEN, values[values.index(own) - 20])
    page.keyboard.press("Home")
    threshold.focus()
    page.keyboard.press("ArrowRight")
    agrees(page, near, alarms.EVEN + 1, values[0])
    assert threshold.get_attribute("aria-valuetext") == "0.51"
    page.get_by_label("Network").select_option("far")
    agrees(page, far, alarms.EVEN + 1, values[0])
    threshold.press("End")
    agrees(page, far, len(alarms.THRESHOLDS) - 1, values[0])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    look = page.eval_on_selector(
        "output", "e => [getComputedStyle(e).color, getComputedStyle(e.closest('figure')).backgroundColor]"
    )
    assert look == ["rgb(34, 34, 34)", "rgb(255, 255, 255)"] and faults == []
    page.close()


def test_without_scripts_the_table_is_left(shown: alarms.Sliders, tmp_path: Path, browser: Browser) -> None:
    """A reader would have sliders that do nothing, and no number."""
    page = opened(shown, browser, tmp_path / "a.html", [], java_script_enabled=False)
    assert not page.locator("form").is_visible() and page.locator("table").is_visible()
    assert page.locator("tbody tr").count() == len(alarms.TABLE_RATES)
    page.close()
