"""Tables that cells show: each has a caption in its cell's metadata, and the book puts it, with a number, into the table."""

import importlib
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import nbformat
import pytest
from docutils import nodes
from docutils.utils import new_document
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbstripout import strip_output

from landslide_nb.display import wording
from landslide_nb.publish import execute

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "book" / "chapters").glob("*.ipynb"))
FRAME = "<div>\n<table border='1' class='dataframe'><tr><td>1</td></tr></table>\n</div>"
SAID = {"table": {"caption": "Scores of the study's patches."}}
SHOWS = "import pandas as pd\n\npd.DataFrame({'F1': [1]})"


@pytest.fixture
def captions(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The extension, found as Sphinx finds it."""
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    return importlib.import_module("captions")


def page_of(*cells: tuple[str, dict[str, Any]]) -> nodes.document:
    """A page as MyST-NB makes it, of cells that show HTML and have metadata."""
    page = new_document("a page")
    for shown, metadata in cells:
        cell = nodes.container(cell_metadata=metadata)
        cell += nodes.container("", nodes.raw("", shown, format="html"))
        page += cell
    return page


def numbered(captions: ModuleType, page: nodes.document, chapter: tuple[int, ...] | None, taken: int = 0) -> list[str]:
    """What the cells of a page show when its tables are numbered."""
    env = SimpleNamespace(
        toc_secnumbers={"a": {"": chapter}}, toc_fignumbers={"a": {"table": dict.fromkeys(range(taken))}}
    )
    config = SimpleNamespace(numfig_secnum_depth=1, numfig_format={"table": "Table %s"}, html_permalinks_icon="#")
    captions.number_tables(SimpleNamespace(env=env, config=config), page, "a")
    return [output.astext() for output in page.findall(nodes.raw)]


def faults(notebook: Any) -> list[str]:
    """Cells of an executed chapter whose table has no caption, or one that is no sentence."""
    found = []
    for number, cell in enumerate(notebook.cells):
        tables = ["<table" in str(it.get("data", {}).get("text/html", "")) for it in cell.get("outputs", [])]
        caption = str(cell.metadata.get("table", {}).get("caption", ""))
        if any(tables) and not caption:
            found.append(f"cell {number} shows a table without a caption")
        elif caption and not (caption[0].isupper() and caption.endswith(".") and "\n" not in caption):
            found.append(f"cell {number}: no sentence: {caption}")
    return found


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_table_of_a_chapter_has_a_caption(path: Path) -> None:
    """A table would stand there without a word of what is in it and of which data."""
    assert faults(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_captions_are_those_of_the_notebook(path: Path) -> None:
    """The next execution would bring back captions that were changed in the executed chapter only, or none."""
    written, ran = dict[str, str](), dict[str, str]()
    for folder, found in (("notebooks", written), ("book/chapters", ran)):
        for cell in nbformat.read(ROOT / folder / path.name, as_version=4).cells:
            if caption := cell.metadata.get("table", {}).get("caption"):
                found[cell.source] = caption
    assert ran == written, f"`make reference` executes {path.name} again"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_captions_say_what_the_data_are(path: Path) -> None:
    """A number on simulated patches would be quoted as if it were of real landslides."""
    for cell in nbformat.read(ROOT / "book/chapters" / path.name, as_version=4).cells:
        picture = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "Simulated.")
        table = cell.metadata.get("table", {})
        assert wording.SAID.search(picture) or "given patches" in picture, picture
        assert (
            table.get("of") or wording.SAID.search(table.get("caption", "")) or "patch" not in table.get("caption", "")
        ), table


def test_a_table_without_a_caption_is_noticed() -> None:
    """The check of chapters can fail."""
    shown = [new_output("display_data", data={"text/html": FRAME})]
    said = [{}, {"table": {"caption": ""}}, {"table": {"caption": "scores"}}, SAID]
    cells = [new_code_cell("x", outputs=shown, metadata=metadata) for metadata in said]
    assert [it[:6] for it in faults(new_notebook(cells=[*cells, new_code_cell("x")]))] == ["cell 0", "cell 1", "cell 2"]


def test_a_caption_outlives_execution_and_stripping(tmp_path: Path) -> None:
    """Papermill, our own tidying, or nbstripout before a commit would take it away."""
    cells = [new_code_cell('edition = "smoke"', metadata={"tags": ["parameters"]}), new_code_cell(SHOWS, metadata=SAID)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    execute.execute(tmp_path / "a.ipynb", tmp_path / "out.ipynb", {"edition": "smoke"})
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert "<table" in executed.cells[-1].outputs[0].data["text/html"]
    assert executed.cells[-1].metadata["table"] == SAID["table"] | {"of": " Simulated patches."}
    stripped = strip_output(executed, keep_output=False, keep_count=False, keep_id=True)
    assert (
        stripped.cells[-1].metadata["table"]["caption"] == SAID["table"]["caption"] and not stripped.cells[-1].outputs
    )


def test_tables_are_numbered_in_their_order(captions: ModuleType) -> None:
    """Two tables would have one number, or a chapter's the number of another."""
    unsaid: tuple[str, dict[str, Any]] = (FRAME, {})
    other = ("<b>no table</b>", SAID)
    shown = numbered(captions, page_of((FRAME, SAID), other, unsaid, (FRAME * 2, SAID)), (5, 1))
    assert [text.count("<caption") for text in shown] == [1, 0, 0, 2]
    assert shown[1:3] == [other[0], FRAME]
    for number, text in (("5.1", shown[0]), ("5.2", shown[3]), ("5.3", shown[3])):
        assert f"<table border='1' class='dataframe'><caption id=\"table-{number}\"><span" in text
        assert f'<span class="caption-number">Table {number} </span><span class="caption-text">Scores' in text
        assert f'href="#table-{number}"' in text


def test_tables_outside_of_numbered_chapters(captions: ModuleType) -> None:
    """A page without a number would end the build; one with tables of its own would have two of one number."""
    for chapter, taken, expected in ((None, 0, "Table 1 "), ((), 2, "Table 3 "), ((5,), 2, "Table 5.3 ")):
        assert expected in numbered(captions, page_of((FRAME, SAID)), chapter, taken)[0]


def test_a_caption_is_text(captions: ModuleType) -> None:
    """A sign of HTML in a caption would end it."""
    shown = captions.captioned(FRAME, "F1 < 1 & 'more' <b>", map(str, count(1)))
    assert "F1 &lt; 1 &amp; &#x27;more&#x27; &lt;b&gt;</span>" in shown
    assert captions.captioned("<TABLE><tr>", "All.", iter(["7"])).startswith('<TABLE><caption id="table-7">')


def test_a_picture_has_a_name_and_a_cell_of_its_own() -> None:
    """A cell with a picture and a table makes two figures of one name, which stops the strict build."""
    names = []
    for path in CHAPTERS:
        for cell in nbformat.read(path, as_version=4).cells:
            if figure := cell.metadata.get("mystnb", {}).get("figure"):
                names.append(figure["name"])
                assert len([it for it in cell.outputs if it.output_type != "stream"]) == 1, (
                    f"{path.name}: {cell.source}"
                )
    assert len(names) == len(set(names)), names
