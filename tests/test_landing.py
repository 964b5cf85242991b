"""The front page shows what the chapters show, and says when they are old."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from landslide_nb.common.errors import ChapterError
from landslide_nb.data.patches import Patches
from landslide_nb.experiments import code
from landslide_nb.experiments.study_texts import SIMULATED
from landslide_nb.publish import drift, landing
from landslide_nb.publish.pages import build_page, note_of

ROOT = Path(__file__).parents[1]


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    """An executed chapter with two tables and two pictures."""
    outputs = [
        new_output("display_data", {"text/markdown": text}) for text in ("> **Made up.** A note.", "- **Found**: it.")
    ]
    for name in ("first", "second"):
        described = {
            "image/png": {"alt": f"The {name}: 0.5.", "name": f"fig-{name}", "caption": f"Caption of the {name}."}
        }
        png = base64.b64encode(name.encode()).decode()
        outputs.append(new_output("execute_result", {"image/png": png, "text/plain": name}, metadata=described))
        table = pd.DataFrame({"here": [f"+0.1 ({name})"]}, index=pd.Index(["SVM"])).to_html()
        outputs.append(new_output("display_data", {"text/html": table}))
    nbformat.write(new_notebook(cells=[new_code_cell("all", outputs=outputs)]), tmp_path / "10_what_holds.ipynb")
    return tmp_path / "10_what_holds.ipynb"


def test_the_answer_is_that_of_the_chapter(chapter: Path) -> None:
    """The first thing that a reader sees would be typed by hand, or have no text for who cannot see it."""
    assert landing.cover(chapter) == b"first"
    text = landing.answer(chapter, "Simulated.")
    assert (
        text.startswith("- **Found**: it.")
        and text.endswith("> Simulated.\n")
        and ":alt: The first: 0.5." in text
        and "Caption of the first." in text
    )
    assert "| SVM | +0.1 (first) |" in text and "second" not in text
    assert text.index("{figure}") < text.index("{table} ") < text.index("| SVM |")
    assert f"chapters/{landing.PICTURE}" in text


def test_the_readme_has_the_same_answer(chapter: Path) -> None:
    """It would show numbers of another book, or lose what was around them."""
    text = landing.readme(f"Before.\n{landing.START}\nold\n{landing.END}\nAfter.\n", chapter, "Simulated.")
    assert text.startswith("Before.\n") and text.endswith("\nAfter.\n") and "old" not in text
    assert "Simulated." in text and "| SVM | +0.1 (first) |" in text and "![The first: 0.5.](" in text
    assert landing.readme(text, chapter, "Simulated.") == text
    with pytest.raises(ChapterError, match="no place for the results"):
        landing.readme("Nothing here.", chapter, "Simulated.")


def test_the_committed_readme_is_that_of_the_committed_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody would mend a number by hand."""
    monkeypatch.chdir(ROOT)
    text, chapter = Path("README.md").read_text("utf-8"), Path("book/chapters/10_what_holds.ipynb")
    assert text == landing.readme(text, chapter, note_of(chapter))


def test_a_note_is_that_of_the_chapters_own_study(chapter: Path, tmp_path: Path) -> None:
    """Numbers of real landslides would stand under a note on simulated patches, or the other way round."""
    assert note_of(chapter) == "**Made up.** A note."
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), tmp_path / "none.ipynb")
    with pytest.raises(ChapterError, match="does not show its study"):
        note_of(tmp_path / "none.ipynb")
    with pytest.raises(ChapterError, match="says nothing of what it found"):
        landing.answer(tmp_path / "none.ipynb", "x")


def facts(folder: Path, number: int, **more: object) -> None:
    """What the execution of a chapter has left beside it."""
    fact = {
        "chapter": f"0{number}_some",
        "seconds": 12.3,
        "edition": "smoke",
        "fingerprint": "a" * 16,
        "code": "b" * 16,
    }
    asked: dict[str, object] = {"edition": more.get("edition", "smoke"), "data": more.pop("data", SIMULATED)}
    (folder / f"0{number}_some.json").write_text(json.dumps(fact | {"parameters": asked} | more), "utf-8")


def test_numbers_of_other_code_are_told(tmp_path: Path) -> None:
    """A book would show numbers that the code beside it does not give."""
    page, now = tmp_path / "about_this_build.md", code.code_version()["code"]
    facts(tmp_path, 1, code=now)
    page.write_text(build_page(tmp_path, "smoke", "abc"), "utf-8")
    assert drift.code_drift(page) == ""
    facts(tmp_path, 2)
    page.write_text(build_page(tmp_path, "smoke", "abc"), "utf-8")
    assert f"come from the code {'b' * 16}, and it is {now} now" in drift.code_drift(page)
    assert "does not exist" in drift.code_drift(tmp_path / "none.md")


def test_each_chapter_says_of_which_edition_and_data_it_is(tmp_path: Path) -> None:
    """Two editions in one book would be taken for one, or a number for one of other patches."""
    facts(tmp_path, 1)
    facts(tmp_path, 2, edition="lite", fingerprint="c" * 16)
    page = build_page(tmp_path, "smoke", "abc")
    assert f"| {{doc}}`01_some` | smoke | `{'a' * 16}` | `{'b' * 16}` | 12 |" in page
    assert f"| {{doc}}`02_some` | lite | `{'c' * 16}` | `{'b' * 16}` | 12 |" in page


def test_the_build_says_on_which_data(tiny: Patches, tmp_path: Path) -> None:
    """A reader could not tell whose patches a book is of, credit whoever made them, or notice that they were exchanged."""
    credited = replace(tiny, data_set=tiny.data_set.model_copy(update={"credit": "Somebody (2026)", "licence": "CC0"}))
    credited.write(tmp_path / "own.h5")
    facts(tmp_path, 1)
    facts(tmp_path, 2, data=str(tmp_path / "own.h5"), fingerprint=credited.fingerprint)
    page = build_page(tmp_path, "smoke", "abc")
    assert f"| data fingerprint 2 | `{credited.fingerprint}` |" in page
    assert "| data 1 | simulated patches, in the format of " in page
    assert "| credit 2 | Somebody (2026); licence: CC0 |" in page and "| data 2 | own.h5: " in page
    facts(tmp_path, 3, data="published", fingerprint="d" * 16)
    page = build_page(tmp_path, "smoke", "abc")
    assert "| data 3 | published predictions: " in page and "| credit 3 | Ghorbanzadeh" in page
    (tmp_path / "03_some.json").unlink()
    (tmp_path / "01_some.json").unlink()
    assert f"| data fingerprint | `{credited.fingerprint}` |" in build_page(tmp_path, "smoke", "abc")
