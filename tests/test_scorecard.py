"""What the book's pages take from executed chapters: the scorecard, the pictures for those in a hurry, the files behind them."""

import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from landslide_nb.common.errors import ChapterError
from landslide_nb.experiments.published import published
from landslide_nb.experiments.study import Study
from landslide_nb.publish import executed, hurry, myst, nearness, pages, provenance, scorecard

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"


def chapter(folder: Path, name: str, *tables: str, data: str = "simulated", cells: str = "") -> executed.Chapter:
    """An executed chapter that shows these tables, as rows of words with `|` between them."""
    outputs = [new_output("display_data", {"text/html": _html(table)}) for table in tables]
    code = [new_code_cell("all", outputs=outputs), new_code_cell(cells, metadata={"tags": ["injected-parameters"]})]
    nbformat.write(new_notebook(cells=code), folder / f"{name}.ipynb")
    facts = {"chapter": name, "parameters": {"edition": "smoke", "data": data}}
    (folder / f"{name}.json").write_text(json.dumps(facts), "utf-8")
    return executed.Chapter(folder / f"{name}.ipynb")


def _html(table: str) -> str:
    rows = ("".join(f"<td>{cell.strip()}</td>" for cell in line.split("|")) for line in table.splitlines())
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


CLAIMS = """change of F1 | ours | paper | smallest visible | verdict
6 channels + Mixup + CutMix | -0.030 [-0.050, -0.010] | -0.021 | 0.02 | replicates
+ cosine schedule | 0.003 [-0.004, 0.009] | 0.036 | 0.009 | inconclusive
LightGBM | 0.010 [0.002, 0.020] | -0.009 | 0.009 | reverses
SVM, C = 1 | 0.001 [-0.008, 0.008] | -0.007 | 0.010 | inconclusive"""


def test_each_change_of_the_paper_has_its_row(tmp_path: Path) -> None:
    """A row that was not trained would be missing, and nobody would ask for it; an excluded change would be called open."""
    rows = {row[1]: row for row in nearness.changes(chapter(tmp_path, "10_what_holds", CLAIMS, data="published"))}
    assert len(rows) == len(published("table2")) - 1 + len(published("table3")) - 1
    assert rows["20 channels + Mixup + CutMix"][3:] == ["-0.030 [-0.050, -0.010]", "replicates"]
    assert rows["+ cosine schedule"][2:] == ["+0.036", "0.003 [-0.004, 0.009]", "does not replicate (excluded)"]
    assert rows["LightGBM"][-1] == "does not replicate (reverses)" and rows["SVM, C = 1"][-1] == "inconclusive"
    assert rows["+ step schedule"][3:] == ["–", nearness.LACKING]
    assert rows["+ cosine + SSIM-SMOTE"][-1] == nearness.WITHOUT_SMOTE


def test_a_chapter_that_lacks_a_table_is_told(tmp_path: Path) -> None:
    """An edition that leaves something out would end in a traceback, or have no row for it."""
    empty = chapter(tmp_path, "10_what_holds")
    for key, near in scorecard.NEAR.items():
        if key != "figure4b":  # its numbers are a picture's caption, which every edition has
            assert near(empty), key
    assert nearness.layers(empty) == nearness.SILENT and nearness.projections(empty) == nearness.LACKING


def test_numbers_are_those_of_the_tables(tmp_path: Path) -> None:
    """The scorecard would say what no chapter shows."""
    stages = "stage | agrees\n0 | yes\n1 | expand: the paper has 1"
    assert (
        nearness.layers(chapter(tmp_path, "04_a", stages))
        == "**agrees** in 1 of 2 stages; stage 1: expand: the paper has 1"
    )
    ranked = "backbone | test F1\nresnet18 | 0.8 [0.7, 0.9]\ntf_efficientnetv2_b0 | 0.7 [0.6, 0.8]"
    assert "number 2 of 2, F1 0.7 [0.6, 0.8]" in nearness.backbones(chapter(tmp_path, "04_b", ranked))
    mixed = "sample | error, millionths | pixel error, millionths\n1 | 0.1 | 0.5\n2 | 0.3 | 0.2"
    said = nearness.mixup(chapter(tmp_path, "03_a", mixed))
    assert "recomputed for a batch: labels within 0.300 millionths, pixels within 0.500 millionths" in said


def test_the_scorecard_names_every_part_of_the_paper() -> None:
    """A table or figure that is hard to reproduce would be passed over."""
    words = scorecard.words()
    assert set(words) == set(scorecard.NEAR)
    said = " ".join(part["part"] for part in words.values())
    parts = [
        *(f"Table {number}" for number in (1, 2, 3)),
        "Algorithm 1",
        "Algorithm 2",
        "Eq. 1",
        "Eqs. 2, 3",
        "Figs. 2, 3",
    ]
    assert all(part in said for part in (*parts, "Fig. 1", "Fig. 4", "Fig. 5", "Fig. 6", "Fig. 7"))


@pytest.mark.parametrize("page", [scorecard.page, hurry.include])
def test_the_committed_pages_are_those_of_the_committed_chapters(page: object) -> None:
    """A number would be mended by hand, or be of an earlier execution."""
    name = scorecard.PAGE if page is scorecard.page else hurry.INCLUDE
    assert (BOOK / "chapters" / name).read_text("utf-8") == page(executed.chapters(BOOK / "chapters"))  # type: ignore[operator]


def test_the_page_in_a_hurry_shows_each_picture_once() -> None:
    """A picture would be made and not shown, or the page include nothing."""
    asked = re.findall(r'start-after: "<!-- (\S+) -->"', (BOOK / "hurry.md").read_text("utf-8"))
    assert asked == list(hurry.PICTURES)
    said = (BOOK / "chapters" / hurry.INCLUDE).read_text("utf-8")
    sizes = [(BOOK / "chapters" / hurry.file(name)).stat().st_size for name in asked]
    assert sum(sizes) < 1.2e6 and said.count(":alt: ") == said.count(":target: ") == len(asked)
    for block in said.split("<!-- end -->")[:-1]:
        assert re.search(r"\b(?:simulated|real|made)\b", block.partition(":target:")[2], re.IGNORECASE), block


def test_a_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The page would show nothing where a figure has another name."""
    with pytest.raises(ChapterError, match="shows no picture called fig-family"):
        chapter(tmp_path, "02_a").picture("fig-family")


def test_a_file_is_known_by_its_hash(tmp_path: Path) -> None:
    """A reader could not tell whether the file at hand is the one that the numbers are of."""
    table, scene = tmp_path / "own.csv", tmp_path / "place" / "after"
    table.write_bytes(b"a,b\n")
    scene.mkdir(parents=True)
    (scene / "B2.tif").write_bytes(b"123")
    study = Study.load(statistics=str(table), scene=str(scene), patch=str(tmp_path / "gone.npy"))
    found = provenance.hashed(study, {"statistics", "scene", "patch"})
    assert set(found) == {"statistics", "scene"} and found["scene"]["name"] == "place/after"
    assert found["statistics"] == {"name": "own.csv", "sha256": hashlib.sha256(b"a,b\n").hexdigest(), "bytes": 4}
    assert provenance.hashed(study, {"statistics"}).keys() == {
        "statistics"
    }  # what the chapter does not ask for is not used
    (scene / "B3.tif").write_bytes(b"4")
    assert provenance.hashed(study, {"scene"})["scene"]["sha256"] != found["scene"]["sha256"]


def test_an_input_is_shown_with_its_terms_or_that_they_are_not_known(tmp_path: Path) -> None:
    """Somebody's work would stand without a name, or an old chapter seem to have a hash."""
    cells = '# Parameters\nedition = "smoke"\nstatistics = "build/real/zindi_train_statistics.csv.gz"\n'
    of = chapter(tmp_path, "06_heads", cells=cells)
    assert of.injected == {"edition": "smoke", "statistics": "build/real/zindi_train_statistics.csv.gz"}
    own = "statistics = None\nplaces = None"
    notebook = nbformat.read(of.path, as_version=4)
    notebook.cells.insert(0, new_code_cell(own, metadata={"tags": ["parameters"]}))
    nbformat.write(notebook, of.path)
    (found,) = provenance.inputs([executed.Chapter(of.path)])
    assert found.name == "zindi_train_statistics.csv.gz" and "Calistus-design" in found.credit
    assert found.sha256 == found.size == provenance.UNKNOWN
    facts = of.facts | {"inputs": {"statistics": {"name": "mine.csv", "sha256": "ab" * 32, "bytes": 1234}}}
    of.path.with_suffix(".json").write_text(json.dumps(facts), "utf-8")
    (found,) = provenance.inputs([executed.Chapter(of.path)])
    assert found[1:4] == ("mine.csv", "ab" * 32, "1,234") and found.licence == "not known"


def test_what_training_took_is_counted(tmp_path: Path) -> None:
    """The seconds of chapters that read predictions would be taken for what the book cost."""
    for number, threads in enumerate((1, 2)):
        (tmp_path / f"{number}.json").write_text(json.dumps({"run_seconds": 3600, "threads": threads}), "utf-8")
    (tmp_path / "data_set.json").write_text("{}", "utf-8")
    assert provenance.training(tmp_path) == "2 runs, 3.0 core-hours"


def test_tables_of_the_pages_are_numbered() -> None:
    """A text could not refer to a table; two of one name would stop the build."""
    text = myst.table("What it is.", "table-x", ["a", "b"], [["1", "0.1 [0.0, 0.2]"]])
    assert text.startswith(
        "```{table} What it is.\n:name: table-x\n\n| a | b |\n| --- | --- |\n| 1 | 0.1 [0.0,\N{NO-BREAK SPACE}0.2] |"
    )
    assert "| [text, …] |" in myst.pipes(["kind"], [["[text, …]"]])  # only an interval keeps together
    names = re.findall(
        r":name: (\S+)", "\n".join(path.read_text("utf-8") for path in (BOOK / "chapters").glob("*.[mt][dx]*"))
    )
    assert len(names) > 10 and all(a != b for a, b in pairwise(sorted(names)))
    assert "| + step schedule |" in pages.paper_ablations()


def test_a_picture_keeps_the_width_that_it_is_shown_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is drawn finer would fill a narrow screen many times over."""
    about = {"name": "fig-x", "alt": "Two bars of one class.", "caption": "Real patches.", "width": "520px"}
    shown = new_output("display_data", {"image/png": "eA=="}, metadata={"image/png": about})
    nbformat.write(new_notebook(cells=[new_code_cell("all", outputs=[shown])]), tmp_path / "01_a.ipynb")
    monkeypatch.setattr(hurry, "PICTURES", {"fig-x": "01"})
    text = hurry.include(executed.chapters(tmp_path))
    assert ":target: chapters/01_a.html#fig-x\n:width: 520px\n\nReal patches. From {doc}`chapters/01_a`." in text
    assert hurry.pictures(executed.chapters(tmp_path)) == {"fig-x.png": b"x"}
