"""Maps of embeddings: their numbers are right, and the one that shows its patches does so in a browser without a network."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser
from sklearn.svm import SVC

from landslide_nb.chapters.c07 import findings, tables
from landslide_nb.chapters.c07.hover import MOST, Hover, hover
from landslide_nb.data.bands import BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.patches import Patches
from landslide_nb.experiments.result import Result
from landslide_nb.explain import embedding_map
from landslide_nb.explain.embedding_map import Projection


def result(separation: float, seed: int = 0) -> tuple[Result, NDArray[np.int8]]:
    """A run on 80 patches, whose embeddings are so far apart; the first half is trained on."""
    labels = (np.arange(80) % 4 == 0).astype(np.int8)
    embeddings = np.random.default_rng(seed).standard_normal((80, 6)) + separation * labels[:, None]
    parts = (np.arange(40), np.arange(40), np.ones(40, np.float32), pd.DataFrame(), 0.0)
    probabilities = np.zeros(80, np.float32)
    split = (np.arange(40), np.arange(40, 60), np.arange(60, 80))
    return Result(probabilities, probabilities, embeddings.astype(np.float32), *parts, *split, Path()), labels


def placed(patches: Patches) -> Projection:
    """A map of patches at random places, cut into two halves."""
    points = np.random.default_rng(0).standard_normal((len(patches), 2)).astype(np.float32)
    return Projection(points, SVC(kernel="rbf", class_weight="balanced").fit(points, (points[:, 0] > 0).astype(int)))


@pytest.fixture(scope="module")
def shown(tiny: Patches) -> Hover:
    """The interactive map of all tiny patches."""
    return hover(placed(tiny), tiny, np.linspace(0, 1, len(tiny)), np.arange(len(tiny)), "a <b>test</b>")


def test_a_share_is_of_each_class_and_its_interval_holds_it() -> None:
    """A map that calls nothing a landslide would seem good, because few are."""
    labels = np.array([0] * 90 + [1] * 10, np.int8)
    found = tables.balanced(labels == 0, labels, 500)
    assert found == (0.5, 0.5, 0.5)
    some = tables.balanced(np.arange(100) % 3 > 0, labels, 500)
    assert some.low < some.value < some.high


def test_stability_tells_what_is_apart_from_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table would give the same for any network, or call two seeds alike that are not."""

    def place(embeddings: NDArray[np.float32], train: object, seed: int, neighbours: int) -> NDArray[np.float32]:
        return (embeddings[:, :2] + 0.1 * np.random.default_rng(seed).standard_normal((80, 2))).astype(np.float32)

    monkeypatch.setattr(embedding_map, "_place", place)
    (far, labels), (near, _) = result(6), result(0)
    table = tables.stability({"near": [near], "far": [far]}, labels, 3, 300)
    rows: Any = table.to_dict("index")
    assert list(rows) == ["near", "far", "far minus near"]
    for column in ("in the embedding", "in the map"):
        assert rows["far"][column].value > 0.95
        assert 0.2 < rows["near"][column].value < 0.8
        difference = rows["far"][column].value - rows["near"][column].value
        assert rows["far minus near"][column].value == pytest.approx(difference)
        assert rows["far minus near"][column].low > 0
    seeds = rows["near"]["over seeds"]
    assert seeds.low <= seeds.value <= seeds.high and "…" in f"{seeds}"
    shared = rows["near"]["neighbours that seeds share"]
    assert rows["near"]["by chance"] < shared.low <= shared.high < 1
    text = findings.maps(table).data
    assert "Far minus near: in the embedding +" in text and "the 95 % interval excludes 0" in text


def test_the_hover_map_holds_every_patch_and_asks_no_host(shown: Hover, tiny: Patches) -> None:
    """A published page would call a host, or miss patches; text that is not markup would become markup."""
    for name, label in zip(tiny.ids, tiny.known_labels, strict=True):
        assert f"<title>{name}: {'no landslide' if label == 0 else 'landslide'};" in shown.html
    assert not re.search(r"https?://|src=|@import|{{|<b>", shown.html)
    assert "12 with a landslide" in shown.alt and "12 a landslide (filled)" in shown.alt
    assert shown._repr_mimebundle_()["text/plain"] == shown.alt


def test_the_hover_map_names_the_bands_that_there_are(shown: Hover, tiny: Patches) -> None:
    """A map of pictures would stop, or show red under the name of a radar that they have not."""
    assert "<span>Descending VV<i>" in shown.html and "<span>Descending ΔVV<i>" in shown.html
    bands = BandSet(
        bands=[band.model_copy(update={"title": f"{band.title} <x>"}) for band in CHALLENGE.bands.bands[:3]]
    )
    pictures = DataSet(name="pictures", title="Pictures", bands=bands, patch_size=64)
    patches = Patches(tiny.ids, tiny.pixels[:, :3], tiny.labels, pictures)
    found = hover(placed(patches), patches, np.zeros(len(tiny)), np.arange(len(tiny)), "pictures").html
    assert "<span>Red &lt;x&gt;<i>" in found and "<span>Green &lt;x&gt;<i>" in found and "Descending VV" not in found


def test_the_hover_map_stays_small(tiny: Patches) -> None:
    """A chapter would take megabytes to load."""
    many = 2 * MOST
    again = np.arange(many) % len(tiny)
    patches = Patches(tuple(f"ID_{i:06d}" for i in range(many)), tiny.pixels[again], tiny.known_labels[again])
    found = hover(placed(patches), patches, np.zeros(many), np.arange(many), "too many")
    assert found.html.count("<title>") == MOST and f"{MOST} of {many}" in found.alt
    assert len(found.html) < 300_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_hover_map_shows_what_is_pointed_at(shown: Hover, tmp_path: Path, scheme: str, browser: Browser) -> None:
    """Pointing, or the keyboard, would show nothing, another patch, or only in one theme."""
    path = tmp_path / "map.html"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{shown.html}", "utf-8")
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.extend([request.url] * (not request.url.startswith(("file:", "data:")))))
    page.goto(path.as_uri())
    names = page.eval_on_selector_all("svg g title", "titles => titles.map(title => title.textContent)")
    place = "[...document.querySelectorAll('.patch i')].map(picture => picture.style.backgroundPosition)"
    page.locator("svg g").nth(11).hover(force=True)
    assert page.inner_text("output") == names[11] and page.evaluate(place) == [
        "-288px -96px",
        "-384px -96px",
        "-480px -96px",
    ]
    page.locator("svg g").nth(11).focus()
    page.keyboard.press("ArrowRight")
    assert page.inner_text("output") == names[12] and page.evaluate(place)[0] == "-576px -96px"
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("output") == names[11]
    assert page.locator("svg g[tabindex='0']").count() == 1
    colours = page.eval_on_selector(
        ".hover-map", "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    )
    assert colours == ["rgb(34, 34, 34)", "rgb(255, 255, 255)"] and faults == []
    page.close()
