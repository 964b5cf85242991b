"""Repairs what a screen reader stumbles over in the pages that Sphinx and the theme write.

Each repair answers a finding of the axe checker. When a version of the theme mends one, it can go.
"""

from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from sphinx.application import Sphinx


def repair(page: str) -> str:
    """An HTML page with its roles, labels and table headers repaired.

    Args:
        page: the page as Sphinx wrote it; one that is repaired already comes back unchanged.
    """
    doctype, tag, rest = page.partition("<html")
    soup = BeautifulSoup(tag + rest, "html.parser")
    for entry in soup.select(".citation-list > .citation"):
        entry["role"] = "listitem"  # the children of a list; doc-biblioentry is deprecated
    for control in soup.select("summary[aria-label], .search-button-field[aria-label]"):
        del control["aria-label"]  # it hid the visible text, which says more
    for summary in soup.select(".has-children > details > summary"):
        summary["aria-label"] = (
            f"Pages of {summary.find_parent('li').find('a').get_text(strip=True)}"  # it has only an icon
        )
    for lines in soup.select(".sig dl"):
        lines.name, lines["class"] = "div", "sig-lines"  # arguments on lines of their own are no definitions
        for line in lines.find_all("dd", recursive=False):
            line.name = "div"
    for toggler in soup.select("img.toggler"):
        toggler["alt"] = "Fold the modules below this one"
    for icon in soup.select("button i[title]"):
        del icon["title"]  # the theme's script made a second name of it, inside the button's own
    for header in soup.select("th"):
        if not header.get_text(strip=True):
            header.name = "td"  # the corner of a table heads nothing
    for brand in soup.select(".sidebar-primary-item:has(> .navbar-brand)"):
        brand["role"], brand["aria-label"] = "navigation", "Home"  # it stood outside all landmarks
    return doctype + str(soup)


def repair_all(app: Sphinx, exception: Exception | None) -> None:
    """Repair every page of a finished HTML build."""
    if exception or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        if "_static" not in path.parts:
            path.write_text(repair(path.read_text("utf-8")), "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx, which finds this folder through `local_extensions` in _config.yml."""
    app.connect("build-finished", repair_all)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
