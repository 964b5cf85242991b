"""What the search page shows below its results: words of the pages, which come with the book."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
PAGE = """<!DOCTYPE html><html><body><nav>Not this</nav><article class="bd-article"><section id="top"><h1>Leaks<a class="headerlink"
href="#top">#</a></h1><p>A <em>leak</em>, and
what it does.</p><pre>def leak(): ...</pre></section><section id="next"><h2>Next</h2><svg><text>no<svg></svg>no</text></svg><ul><li>one</li>
<li>two </li></ul></section></article><p>Nor this</p></body></html>"""


@pytest.fixture
def excerpts(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The extension that writes the texts."""
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    yield importlib.import_module("excerpts")


def test_the_text_of_a_page_is_its_article_without_code(excerpts: ModuleType) -> None:
    """An excerpt would be of the bars around the text, of code, or of a drawing."""
    text, places = excerpts.read(PAGE)
    assert text == "Leaks A leak, and what it does. Next one two"
    assert text[places["next"] :].strip() == "Next one two"
    assert places["top"] == 0


def test_a_page_without_an_article_has_no_text(excerpts: ModuleType) -> None:
    """The index has none; its words are names."""
    assert excerpts.read("<p>Index</p>") == ("", {})


def test_texts_of_all_pages_are_written_once_the_build_is_whole(excerpts: ModuleType, tmp_path: Path) -> None:
    """A build that failed, or one for paper, would leave half of it."""
    (tmp_path / "_static").mkdir()
    (tmp_path / "a.html").write_text(PAGE, "utf-8")
    builder = SimpleNamespace(format="html", get_outfilename=lambda name: str(tmp_path / f"{name}.html"))
    app = SimpleNamespace(builder=builder, env=SimpleNamespace(found_docs={"a", "gone"}), outdir=str(tmp_path))
    script = tmp_path / "_static" / excerpts.SCRIPT
    excerpts.write(app, ValueError("broken"))
    assert not script.exists()
    excerpts.write(app, None)
    written = json.loads(script.read_text("utf-8").removeprefix("const BOOK_TEXTS = "))
    assert list(written) == ["a"] and written["a"][0].startswith("Leaks")
