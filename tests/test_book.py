"""The committed book, built as a fresh clone builds it and opened in a real browser."""

import importlib
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, Route

from landslide_nb.data.bands import BANDS, DERIVED

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
CHAPTERS = sorted((BOOK / "chapters").glob("*.ipynb"))
VIEWS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
# What is wrong with the pictures of a page, in the page's own words.
PICTURES = """images => images.flatMap(image => {
    const alt = (image.getAttribute("alt") ?? "").trim(), name = image.getAttribute("src").slice(-40)
    return [
        ...(image.naturalWidth > 0 ? [] : [`${name} is broken`]),
        ...(alt ? [] : [`${name} has no alternative text`]),
        ...(/^_images\\/|^\\S*\\/\\S*$|\\.(png|svg|jpe?g|webp)$/i.test(alt) ? [`${name} has a path for alternative text`] : []),
    ]
})"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Pictures of what is below the fold, fonts, and formulas where a page has some.
SETTLED = """async () => {
    document.querySelectorAll("img[loading=lazy]").forEach(image => image.loading = "eager")
    await Promise.all([...document.images].map(image => image.decode().catch(() => null)))
    await document.fonts.ready
    await window.MathJax?.startup?.promise
}"""


def pages() -> list[str]:
    """The pages that _toc.yml lists, and the search page."""
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text())
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"]), "search"]


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built book; without its configuration jupyter-book would exit 0 and build something else."""
    if not CHAPTERS:
        pytest.skip("book/chapters/ holds no executed chapters yet: `make reference` writes them")
    output = tmp_path_factory.mktemp("book")
    command = [str(Path(sysconfig.get_path("scripts")) / "jupyter-book"), "build", "--all", "-W", "-n", "--keep-going"]
    built = subprocess.run(
        [*command, "--path-output", str(output), str(BOOK)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr[-4000:]
    assert (output / "_build" / "html" / "index.html").is_file()
    return output / "_build" / "html"


@dataclass
class Opened:
    """A tab, and what has happened in it that should not."""

    page: Page
    faults: list[str] = field(default_factory=list)

    def open(self, path: Path) -> None:
        """Load a page until it stands still."""
        self.faults.clear()
        self.page.goto(path.as_uri(), wait_until="load")
        self.page.evaluate(SETTLED)


@pytest.fixture(scope="session", params=VIEWS)
def tab(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Opened]:
    """One tab for each view, which notes script errors, failed loads and every request that leaves the machine."""
    context = browser.new_context(**VIEWS[request.param])
    opened = Opened(context.new_page())
    page, faults = opened.page, opened.faults

    def refuse(route: Route) -> None:
        faults.append(f"request: {route.request.url}")
        route.abort()

    context.route(lambda url: not url.startswith(("file:", "data:", "blob:")), refuse)
    page.on("console", lambda message: faults.extend([f"console: {message.text}"] * (message.type == "error")))
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("requestfailed", lambda failed: faults.append(f"failed: {failed.url}"))
    yield opened
    context.close()


@pytest.mark.parametrize("name", pages())
def test_page_in_a_browser(name: str, tab: Opened, html: Path) -> None:
    """A page has no script error, asks no host, shows and describes its pictures, and fits the screen."""
    tab.open(html / f"{name}.html")
    pictures = tab.page.eval_on_selector_all("img", PICTURES)
    assert tab.faults + pictures == []
    assert tab.page.evaluate(TOO_WIDE) <= 0, "the page scrolls sideways"


def test_the_tab_notices_faults(tab: Opened, tmp_path: Path) -> None:
    """The checks above can fail: a page with every fault shows every one."""
    (tmp_path / "_images").mkdir()
    path = tmp_path / "bad.html"
    path.write_text(
        "<script src='https://example.org/x.js'></script><script>throw Error('broken')</script>"
        "<img src='missing.png' alt='a map'><img src='data:,' alt=''><img src='data:,' alt='_images/1.png'>"
        "<div style='width:3000px'>wide</div>"
    )
    tab.open(path)
    pictures = "\n".join(tab.page.eval_on_selector_all("img", PICTURES))
    faults = "\n".join(tab.faults)
    assert "request: https://example.org/x.js" in faults and "script: broken" in faults and "missing.png" in faults
    assert "missing.png is broken" in pictures and "no alternative" in pictures and "path for alternative" in pictures
    assert tab.page.evaluate(TOO_WIDE) > 0


@pytest.mark.parametrize("name", pages())
def test_links_inside_the_book_resolve(name: str, html: Path) -> None:
    """Every link to a page, a download or a place in a page leads somewhere."""
    path = html / f"{name}.html"
    for link in _soup(path).select("a[href]"):
        target, _, anchor = str(link["href"]).partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        page = (path.parent / target.partition("?")[0]).resolve() if target else path
        assert page.is_file(), f"{name} links to {target}"
        if anchor and page.suffix == ".html":
            assert _soup(page).find(id=anchor), f"{name} links to #{anchor} in {page.name}"


@pytest.mark.parametrize("name", pages())
def test_pages_are_accessible_where_the_theme_is_not(name: str, html: Path) -> None:
    """The repairs of book/_ext/accessible.py are in place; a theme that changes its names shows here."""
    soup = _soup(html / f"{name}.html")
    assert soup.select(".navbar-brand") and soup.select(".search-button-field"), "the theme has other names now"
    assert not [cell for cell in soup.select("th") if not cell.get_text(strip=True)]
    assert not soup.select(
        "summary[aria-label], .search-button-field[aria-label], button i[title], [role=doc-biblioentry]"
    )
    assert len(soup.select(".citation")) == len(soup.select("[role=list] > .citation[role=listitem]"))
    assert len(soup.select(".bd-article h1, #search-results")) == 1


def test_repairs_keep_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code, formulas and scripts come through byte for byte, and a second repair changes nothing."""
    monkeypatch.syspath_prepend(BOOK / "_ext")
    repair = importlib.import_module("accessible").repair
    code = '<pre><span>if a &lt; b and c:</span>\n\n    x = "é"\n</pre><span class="math">\\(a &lt; b\\)</span>'
    script = "<script>if (a < b && c) { document.write('<p>') }</script>"
    table = '<table class="dataframe"><tr><th></th><th>F1</th></tr></table>'
    page = f"<!DOCTYPE html>\n<html><body>{code}{script}{table}</body></html>"
    repaired = repair(page)
    assert repaired == page.replace("<th></th>", "<td></td>")
    assert repair(repaired) == repaired


def test_data_page_lists_the_channels_of_the_code() -> None:
    """The two tables of book/data.md are the ones of landslide_nb/data/bands.py, in order."""
    text = (BOOK / "data.md").read_text().replace("\\|", "|")
    bands = "\n".join(f"| {band.title} | `{band.name}` | {band.unit} | {band.group} |" for band in BANDS)
    derived = "\n".join(f"| `{it.name}` | {it.formula} | {'yes' if it.paper_names else 'no'} |" for it in DERIVED)
    assert bands in text
    assert derived in text


def _soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")
