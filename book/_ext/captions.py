"""Numbers and captions of the tables that cells show.

Sphinx numbers the tables that a page has as `{table}`. One that a cell shows reaches it as HTML, without a caption: that is in
the cell's metadata, as MyST-NB has it for pictures: `"table": {"caption": "..."}`; beside it, as `of`, what execution has added.
"""

import html
import re
from collections.abc import Iterator
from itertools import count
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

TABLE = re.compile(r"<table\b[^>]*>", re.IGNORECASE)


def captioned(source: str, caption: str, numbers: Iterator[str], title: str = "Table %s", link: str = "#") -> str:
    """The HTML of a cell with a number and a caption in each of its tables, and a place to link to, as `table-5.3`.

    Args:
        source: what the cell shows.
        caption: plain text, of all tables of the cell.
        numbers: of the tables to come; one is taken for each.
        title: what stands for a number, as in Sphinx's `numfig_format`.
        link: the sign that links to the table itself.
    """

    def with_caption(opening: re.Match[str]) -> str:
        number = next(numbers)
        anchor = f"table-{number}"
        return (
            f'{opening[0]}<caption id="{anchor}"><span class="caption-number">{html.escape(title % number)} </span>'
            f'<span class="caption-text">{html.escape(caption)}</span>'
            f'<a class="headerlink" href="#{anchor}" title="Link to this table">{link}</a></caption>'
        )

    return TABLE.sub(with_caption, source)


def numbers_of(app: Sphinx, page: str) -> Iterator[str]:
    """The numbers of a page's tables, from the first that Sphinx has not given: 5.1, 5.2 …; 1, 2 … outside of numbered chapters."""
    chapter = (app.env.toc_secnumbers.get(page, {}).get("") or ())[: app.config.numfig_secnum_depth]
    taken = len(app.env.toc_fignumbers.get(page, {}).get("table", {}))
    return (".".join(map(str, (*chapter, number))) for number in count(taken + 1))


def number_tables(app: Sphinx, page: nodes.document, name: str) -> None:
    """Number the tables that the cells of a page show, in their order; a cell without a caption keeps its tables as they are."""
    numbers, title = numbers_of(app, name), app.config.numfig_format.get("table", "Table %s")
    for cell in page.findall(nodes.container):
        said = cell.get("cell_metadata", {}).get("table", {})
        caption = said.get("caption", "") + said.get("of", "")
        for output in cell.findall(nodes.raw) if caption else ():
            if "html" in output["format"].split():
                text = captioned(output.astext(), caption, numbers, title, app.config.html_permalinks_icon)
                output.children = [nodes.Text(text)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx, which finds this folder through `local_extensions` in _config.yml."""
    app.connect("doctree-resolved", number_tables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
