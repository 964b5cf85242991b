"""The page of the method: its drawings can be read by everyone and say what the paper's Table 1 says, its text what the editions have."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from landslide_nb.display.picture import BLUE, GREEN, GREY, ORANGE
from landslide_nb.experiments.published import published
from landslide_nb.experiments.study import Study
from landslide_nb.publish import scorecard

BOOK = Path(__file__).parents[1] / "book"
PAGE = (BOOK / "method.md").read_text("utf-8")
DRAWINGS = sorted((BOOK / "_assets").glob("method-*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
PHONE = 342  # pixels that a figure has for its picture where the screen has 390
WIDEST = 0.62  # of a letter, in its size, on average


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_can_be_read(path: Path) -> None:
    """A letter would be too small, or cut off, or a colour not one that everybody tells apart."""
    root = ET.fromstring(path.read_text("utf-8"))
    style = root.findtext(f"{SVG}style") or ""
    first, top, width, height = map(float, root.attrib["viewBox"].split())
    assert [width, height] == [float(root.attrib[it]) for it in ("width", "height")] and not top and width <= PHONE
    assert min(map(int, re.findall(r"(\d+)px", style))) >= 11
    strokes = set(re.findall(r"fill: #\w+; stroke: (#\w+)", style))
    assert strokes == {it.lower() for it in (BLUE, ORANGE, GREEN, GREY)}
    for text in root.iter(f"{SVG}text"):
        half = len(text.text or "") * 11 * WIDEST / 2
        at, kind = float(text.attrib["x"]), text.attrib.get("class", "")
        left = at - (half if "middle" in kind else 2 * half if "end" in kind else 0)
        assert first <= left and left + 2 * half <= first + width, text.text


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_is_shown_and_described(path: Path) -> None:
    """A drawing would be on no page, or say nothing to those who do not see it."""
    block = PAGE.partition(f"```{{figure}} _assets/{path.name}\n")[2].partition("```")[0]
    assert f"name: fig-{path.stem}\n" in block and len(block.partition("alt: >-")[2].partition("---")[0]) > 300


def test_the_stages_are_those_of_the_papers_table() -> None:
    """The drawing would show another network than chapter 04 compares."""
    root = ET.parse(BOOK / "_assets" / "method-network.svg").getroot()
    texts = [text.text for text in root.iter(f"{SVG}text")]
    stages = texts[texts.index("side") + 1 : -1]
    ticks = [it.attrib["d"] for it in root.iter(f"{SVG}path") if "layer" in it.get("class", "").split()]
    table, side = published("table1"), 256
    assert len(stages) == 6 * len(table) and len(ticks) == len(table)
    for at, (drawn, row) in enumerate(zip(ticks, table.to_dict("records"), strict=True)):
        stage, operator, sizes, layers, channels, pixels = stages[6 * at : 6 * at + 6]
        side //= int(row["stride"]) if row["stride"] == row["stride"] else 1
        assert [stage, layers, channels, pixels] == [str(it) for it in (at, row["layers"], row["channels"], side)]
        assert operator and operator.split(",")[0].split(" ")[0] == row["operator"].split(" ")[0]
        assert ("SE" in operator) == row["SE"]
        if row["expand"] == row["expand"]:
            assert sizes == f"e {row['expand']:.0f}, stride {row['stride']:.0f}"
        assert float(drawn.rpartition("h")[2]) == pytest.approx(4.2 * row["layers"] - 1.2)  # 3 a tick, 1.2 between


def test_the_page_names_what_the_editions_have() -> None:
    """An edition would train another network than the page says."""
    for edition in ("lite", "real"):
        study = Study.load(edition)
        assert f"train `{study.backbone}` on patches of {study.image_size} pixels" in " ".join(PAGE.split())
    assert len(Study.load("real").backbones) > 1, "a larger one stands beside it"
    assert Study.load("paper").folds == 5


def test_the_counts_of_the_paper_add_up() -> None:
    """The table and the scorecard would have two numbers of one thing."""
    rows = re.findall(r"^\| with.*$", PAGE, re.MULTILINE)
    without, having = ([int(it.replace(",", "")) for it in re.findall(r"\d,\d{3}", row)] for row in rows)
    patches, synthetic, after = having
    assert synthetic == 5 * patches and after == patches + synthetic and without[0] == without[1]
    assert f"{patches + without[0]:,} labelled patches" in (BOOK / "data.md").read_text("utf-8")
    why = scorecard.words()["figure4b"]["why"]
    assert f"{synthetic:,}" in why and f"{patches:,}" in why
