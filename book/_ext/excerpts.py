"""Texts of all pages for the search page, which shows the words around what was looked for.

Sphinx's own script fetches each page that it lists; a browser refuses that where the book is opened from a folder. Here the texts
come as a script of the search page alone, and `_assets/excerpts.js` takes its excerpts from them.
"""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

SCRIPT = "search_texts.js"
# Not to be read in a sentence: code, drawings, what is there to click; and the signs that link to a heading.
SKIPPED = frozenset({"pre", "script", "style", "svg", "button", "summary", "nav"})
BLOCKS = frozenset({"p", "li", "td", "th", "dt", "dd", "div", "caption", "figcaption", "h1", "h2", "h3", "h4"})


class Article(HTMLParser):
    """The words of a page between `<article>` and its end, and where each place that a link can lead to begins.

    Attributes:
        places: offsets in `text`, by id.
    """

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[str, int] = {}
        self._parts: list[str] = []
        self._length = 0
        self._inside = False
        self._skipped: list[str] = []  # the elements within one that is skipped

    @property
    def text(self) -> str:
        """The words, one space apart."""
        return "".join(self._parts).strip()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Begin the article, or what is skipped; note a place."""
        given = dict(attributes)
        self._inside = self._inside or tag == "article"
        if self._skipped and tag == self._skipped[0]:
            self._skipped.append(tag)
        if not self._inside or self._skipped:
            return
        if tag in SKIPPED or "headerlink" in (given.get("class") or ""):
            self._skipped.append(tag)
        elif place := given.get("id"):
            self.places[place] = self._length
        if tag in BLOCKS:
            self._add(" ")

    def handle_endtag(self, tag: str) -> None:
        """End the article, or what is skipped."""
        if self._skipped and tag == self._skipped[0]:
            self._skipped.pop()
        elif tag in BLOCKS and self._inside and not self._skipped:
            self._add(" ")
        self._inside = self._inside and tag != "article"

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        if self._inside and not self._skipped:
            self._add(data)

    def _add(self, data: str) -> None:
        words = " ".join(data.split())
        if data[:1].isspace() and self._length and not self._parts[-1].endswith(" "):
            words = f" {words}"
        if words.strip() and data[-1:].isspace():
            words += " "
        if words:
            self._parts.append(words)
            self._length += len(words)


def read(page: str) -> tuple[str, dict[str, int]]:
    """The text of an HTML page, and where in it each place begins."""
    article = Article()
    article.feed(page)
    return article.text, article.places


def texts(app: Sphinx) -> Iterator[tuple[str, tuple[str, dict[str, int]]]]:
    """Each page of the book with its text."""
    for name in sorted(app.env.found_docs):
        path = Path(app.builder.get_outfilename(name))
        if path.is_file():
            yield name, read(path.read_text("utf-8"))


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the texts of a finished HTML build."""
    if exception or app.builder.format != "html":
        return
    written = json.dumps(dict(texts(app)), ensure_ascii=False, separators=(",", ":"))
    (Path(app.outdir) / "_static" / SCRIPT).write_text(f"const BOOK_TEXTS = {written}\n", "utf-8")


def add_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Give the texts, and what shows them, to the search page."""
    if page == "search":
        app.add_js_file(SCRIPT, loading_method="defer")
        app.add_js_file("excerpts.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx, which finds this folder through `local_extensions` in _config.yml."""
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
