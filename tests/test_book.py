"""The committed book, built as a fresh clone builds it and opened in a real browser."""

import importlib
import importlib.resources
import os
import re
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser, Page, Route

from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.derived import DERIVED

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
CHAPTERS = sorted((BOOK / "chapters").glob("*.ipynb"))
VIEWS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
AXE = (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
COUNTED: Counter[str] = Counter()  # what was looked at, for the line at the end
# What is wrong with the pictures of a page, in the page's own words.
PICTURES = """images => images.flatMap(image => {
    const alt = (image.getAttribute("alt") ?? "").trim(), name = image.getAttribute("src").slice(-40)
    return [
        ...(image.naturalWidth > 0 ? [] : [`${name} is broken`]),
        ...(alt ? [] : [`${name} has no alternative text`]),
        ...(/^_images\\/|^\\S*\\/\\S*$|\\.(png|svg|jpe?g|webp)$/i.test(alt) ? [`${name} has a path for alternative text`] : []),
        ...(alt.split(/\\s+/).length > 3 ? [] : [`${name} has too short an alternative text: ${alt}`]),
    ]
})"""
# Text that stands out of the screen and is in no box that scrolls.
CUT_OFF = """() => [...document.querySelectorAll("article *, .bd-article *")].filter(element => {
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) return false
    if (element.closest("script, style, .MathJax, mjx-container, [aria-hidden=true], .visually-hidden")) return false
    const box = element.getBoundingClientRect()
    if (!box.width || box.right <= document.documentElement.clientWidth + 1) return false
    for (let it = element; it; it = it.parentElement)
        if (["auto", "scroll"].includes(getComputedStyle(it).overflowX)) return false
    return true
}).map(element => `cut off: ${element.textContent.trim().slice(0, 60)}`)"""
# Without `preload`: axe would fetch the style sheets, which a browser refuses for a page opened from a folder.
SERIOUS = """async rules => (await axe.run(document, {...rules, resultTypes: ["violations"], preload: false})).violations
    .filter(it => ["serious", "critical"].includes(it.impact))
    .flatMap(it => it.nodes.map(node => `axe: ${it.id}: ${node.html.slice(0, 160)}`))"""
# Tables and pictures that stand out of the text, or out of a box that hides what does, and words of tables in two lines.
CLIPPED = """() => {
    const faults = [], right = element => element.getBoundingClientRect().right
    const paper = document.querySelector(".bd-article, article") ?? document.body
    for (const it of paper.querySelectorAll("table:not(.indextable), img, svg, canvas")) {
        if (!it.getBoundingClientRect().width || it.closest(".visually-hidden, [aria-hidden=true]")) continue
        for (let box = it.parentElement; ; box = box.parentElement) {
            const overflow = getComputedStyle(box).overflowX
            if (["auto", "scroll"].includes(overflow)) break
            if ((box === paper || overflow !== "visible") && right(it) > right(box) + 1)
                faults.push(`clipped: ${it.tagName.toLowerCase()} ${(it.alt ?? it.textContent).trim().slice(0, 40)}`)
            if (box === paper) break
        }
    }
    for (const it of paper.querySelectorAll("caption")) {
        let box = it.closest("table").parentElement
        while (box !== paper && !["auto", "scroll"].includes(getComputedStyle(box).overflowX)) box = box.parentElement
        if (it.getBoundingClientRect().width > box.clientWidth + 1) faults.push(`clipped: caption ${it.textContent.slice(0, 40)}`)
    }
    return faults
}"""
BROKEN_WORDS = """() => {
    const faults = [], range = document.createRange()
    for (const cell of document.querySelectorAll("table:not(.indextable) :is(td, th)")) {
        const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT)
        while (texts.nextNode()) for (const word of texts.currentNode.data.matchAll(/[\\p{L}\\p{N}_]{2,}/gu)) {
            range.setStart(texts.currentNode, word.index)
            range.setEnd(texts.currentNode, word.index + word[0].length)
            if (new Set([...range.getClientRects()].map(it => Math.round(it.top))).size > 1) faults.push(`broken: ${word[0]}`)
        }
    }
    return faults
}"""
WIDTHS = (1920, 1300, 390)
BARS = (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".prev-next-footer")  # not on paper
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# As wide as a reader may set letters (WCAG 1.4.12): what still fits then, fits with the fonts of any machine.
SPACED = "* {letter-spacing: 0.12em !important; word-spacing: 0.16em !important}"
# Pictures of what is below the fold, fonts, and formulas where a page has some.
SETTLED = """async () => {
    document.querySelectorAll("img[loading=lazy]").forEach(image => image.loading = "eager")
    await Promise.all([...document.images].map(image => image.decode().catch(() => null)))
    await document.fonts.ready
    await window.MathJax?.startup?.promise
    const fading = document.getAnimations().filter(it => it instanceof CSSTransition)
    await Promise.all(fading.map(it => it.finished.catch(() => null)))
}"""


def listed(chapters: list[dict[str, Any]]) -> list[str]:
    """The files of a part of _toc.yml, those below another too."""
    return [name for it in chapters for name in (it["file"], *listed(it.get("sections", [])))]


def pages() -> list[str]:
    """The pages that _toc.yml lists, and those that Sphinx adds."""
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text("utf-8"))
    parts = [name for part in toc["parts"] for name in listed(part["chapters"])]
    return [toc["root"], *parts, "search", "genindex", "py-modindex"]


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built book; without its configuration jupyter-book would exit 0 and build something else.

    Whoever imports the package or torch during the build fails: a reader who has only book/requirements.txt has neither.
    """
    if not CHAPTERS:
        pytest.skip("book/chapters/ holds no executed chapters yet: `make reference` writes them")
    output, missing = tmp_path_factory.mktemp("book"), tmp_path_factory.mktemp("missing")
    for name in ("landslide_nb", "torch"):
        (missing / f"{name}.py").write_text(f"raise ImportError('{name} is not there')", "utf-8")
    command = [str(Path(sysconfig.get_path("scripts")) / "jupyter-book"), "build", "--all", "-W", "-n", "--keep-going"]
    built = subprocess.run(
        [*command, "--path-output", str(output), str(BOOK)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(missing)},
    )
    assert built.returncode == 0, built.stderr[-4000:]
    assert (output / "_build" / "html" / "index.html").is_file()
    return output / "_build" / "html"


@dataclass
class Opened:
    """A tab, and what has happened in it that should not."""

    page: Page
    view: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: Path) -> None:
        """Load a page until it stands still."""
        self.faults.clear()
        self.page.goto(path.as_uri(), wait_until="load")
        self.page.evaluate(SETTLED)
        if self.view == "phone":
            self.page.add_style_tag(content=SPACED)


@pytest.fixture(scope="session", params=VIEWS)
def tab(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Opened]:
    """A tab in each view, which notes script errors, failed loads and every request that leaves the machine."""
    context = browser.new_context(reduced_motion="reduce", **VIEWS[request.param])  # no colour half-way to another
    opened = Opened(context.new_page(), request.param)
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


# axe takes longest: all its rules once, in the dark those of colours again; a narrow screen has no colours of its own.
AXE_RULES: dict[str, dict[str, Any]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}


def findings(tab: Opened) -> list[str]:
    """All that is wrong with the page that is open."""
    page = tab.page
    pictures: list[str] = page.eval_on_selector_all("img", PICTURES)
    found = [*tab.faults, *pictures, *page.evaluate(CUT_OFF)]
    if (wide := page.evaluate(TOO_WIDE)) > 0:
        found.append(f"the page scrolls sideways by {wide} px")
    if tab.view in AXE_RULES:
        page.evaluate(AXE)
        found += page.evaluate(SERIOUS, AXE_RULES[tab.view])
    return found


def printed(page: Page) -> list[str]:
    """What is wrong with the open page on paper: a page is its text there, with no bars, no buttons, and the whole width."""
    page.emulate_media(media="print")
    try:
        bars = [it for bar in BARS for it in page.locator(bar).all() if it.is_visible()]
        titled = any(it.is_visible() for it in page.locator("h1").all())
        wide = page.evaluate(TOO_WIDE)
    finally:
        page.emulate_media(media="screen")
    COUNTED["printed"] += 1
    found = [*(f"{it} is printed" for it in bars), *([] if titled else ["the title is not printed"])]
    return found + ([f"paper is {wide} px too narrow"] if wide > 0 else [])


@pytest.mark.parametrize("name", pages())
def test_page_in_a_browser(name: str, tab: Opened, html: Path) -> None:
    """A page has no script error, asks no host, describes its pictures, fits screen and paper, and has no serious finding of axe."""
    tab.open(html / f"{name}.html")
    found = findings(tab)
    if tab.view != "dark":  # paper knows no colour scheme
        found += printed(tab.page)
    COUNTED.update({"openings": 1, "pictures": tab.page.locator("img").count(), "findings": len(found)})
    COUNTED["axe"] += len([it for it in found if it.startswith("axe")])
    assert found == []


def test_the_tab_notices_faults(tab: Opened, tmp_path: Path) -> None:
    """The checks above can fail: a page with every fault shows every one."""
    (tmp_path / "_images").mkdir()
    path = tmp_path / "bad.html"
    path.write_text(
        "<script src='https://example.org/x.js'></script><script>throw Error('broken')</script>"
        "<img src='missing.png' alt='a map'><img src='data:,' alt=''><img src='data:,'><img src='data:,' alt='_images/1.png'>"
        "<p style='background: #fff; color: #ccc'>faint</p>"
        "<style>@media print { h1 { display: none } }</style><h1>gone</h1><div class='prev-next-footer'>next</div>"
        "<article><div style='width:3000px; text-align:right'>a long line</div></article>",
        "utf-8",
    )
    tab.open(path)
    found = "\n".join([*findings(tab), *printed(tab.page)])
    for fault in (
        *("request: https://example.org/x.js", "script: broken", "missing.png is broken"),
        *("no alternative text", "path for alternative text", "too short an alternative text: a map"),
        *("scrolls sideways", "cut off: a long line", "is printed", "the title is not printed", "too narrow"),
        *(["axe: image-alt"] if tab.view == "light" else []),
        *(["axe: color-contrast"] if tab.view != "phone" else []),
    ):
        assert fault in found


def test_hidden_code_opens(tab: Opened, html: Path) -> None:
    """What is folded away can be read: each box opens by a click on its summary."""
    for name in pages():
        if "<details" in (html / f"{name}.html").read_text("utf-8").partition("<article")[2].partition("</article")[0]:
            tab.open(html / f"{name}.html")
            for box in tab.page.locator("article details").all():
                box.locator("summary").first.click()
                assert box.get_attribute("open") is not None, f"{name}: a box does not open"
                COUNTED["boxes opened"] += 1
    assert COUNTED["boxes opened"] >= len(CHAPTERS), "each chapter folds its first cell of code"


@pytest.mark.parametrize("word", ["occlusion", "SMOTE", "backscatter"])
def test_search_finds_a_word(word: str, tab: Opened, html: Path) -> None:
    """Search works without a server, and leads to pages that have the word."""
    tab.faults.clear()
    tab.page.goto(f"{(html / 'search.html').as_uri()}?q={word}")
    tab.page.wait_for_selector("#search-results li a")
    tab.page.wait_for_function("document.querySelector('#search-results p')?.textContent.includes('found')")
    links = [str(link.get_attribute("href")) for link in tab.page.locator("#search-results li a").all()]
    assert tab.faults == []
    first = html / links[0].partition("#")[0].partition("?")[0]
    assert word.lower() in first.read_text("utf-8").lower()


@pytest.mark.parametrize("word", ["occlusion", "precision", "Mixups"])
def test_search_results_have_excerpts(word: str, tab: Opened, html: Path) -> None:
    """A title alone does not say whether a page is worth opening: below it stand words of the page, with what was looked for."""
    tab.faults.clear()
    tab.page.goto(f"{(html / 'search.html').as_uri()}?q={word}")
    tab.page.wait_for_function("document.querySelector('#search-results p')?.textContent.includes('found')")
    pages_found = tab.page.locator("#search-results li:not(:has(> span))").all()
    texts = [it.locator("> p.excerpt").inner_text() for it in pages_found]
    assert texts and all(20 < len(text) < 260 for text in texts)
    assert tab.page.locator("#search-results p.excerpt strong").first.inner_text().lower().startswith(word[:5].lower())
    assert findings(tab) == []


@pytest.fixture(scope="session")
def sheet(browser: Browser) -> Iterator[Page]:
    """A tab whose width is changed while a page is open."""
    with browser.new_context(reduced_motion="reduce") as context:
        yield context.new_page()


def fits(page: Page) -> list[str]:
    """What of the open page's tables and pictures is not to be seen at some width, and words of tables that are in two parts."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        faults = [*page.evaluate(CLIPPED), *page.evaluate(BROKEN_WORDS)]
        if (wide := page.evaluate(TOO_WIDE)) > 0:
            faults.append(f"scrolls sideways by {wide} px")
        found += [f"{width} px: {it}" for it in faults]
    return found


def uncaptioned(article: Tag, chapter: str = "") -> list[str]:
    """Tables without a number and a caption, or numbered out of order; those of a chapter have its number first."""
    found, numbers = [], []
    for table in article.select("table:not(.indextable, .highlighttable)"):
        number, text = table.select_one("caption .caption-number"), table.select_one("caption .caption-text")
        named = number and re.fullmatch(rf"Table {chapter}(\d+)", number.get_text(strip=True))
        if not named or not text or not text.get_text(strip=True).endswith("."):
            found.append(f"no number or caption: {table.get_text(' ', strip=True)[:60]}")
        else:
            numbers.append(int(named[1]))
    first = numbers[0] if numbers and not chapter else 1
    return found if numbers == list(range(first, first + len(numbers))) else [*found, f"out of order: {numbers}"]


@pytest.mark.parametrize("name", pages())
def test_tables_are_numbered_and_captioned(name: str, html: Path) -> None:
    """A reader could not say which table is meant, nor what is in it and of which data."""
    article = _soup(html / f"{name}.html").select_one("article, #main-content")
    chapter = re.match(r"chapters/(\d+)_", name)
    assert article is not None
    assert uncaptioned(article, rf"{int(chapter[1])}\." if chapter else "") == []
    COUNTED["tables"] += len(article.select("caption"))


@pytest.mark.parametrize("name", pages())
def test_tables_and_pictures_fit(name: str, html: Path, sheet: Page) -> None:
    """On a wide screen, a narrow one or a phone a column or half a picture would be out of sight."""
    sheet.goto((html / f"{name}.html").as_uri(), wait_until="load")
    sheet.evaluate(SETTLED)
    assert fits(sheet) == []


def test_faults_of_tables_are_noticed(sheet: Page) -> None:
    """The two checks above can fail."""
    caption = "<caption><span class='caption-number'>Table {} </span><span class='caption-text'>{}</span></caption>"
    tables = [caption.format(*it) for it in (("5.1", "All."), ("5.3", "More."), ("4.2", "Other."), ("5.4", ""))]
    soup = BeautifulSoup("".join(f"<table>{it}<tr><td>x</td></tr></table>" for it in [*tables, ""]), "html.parser")
    assert uncaptioned(soup, r"5\.") == [
        "no number or caption: " + it for it in ("Table 4.2 Other. x", "Table 5.4 x", "x")
    ] + ["out of order: [1, 3]"]
    assert uncaptioned(soup)[-1].startswith("no number or caption: x")
    sheet.set_content(
        "<article><div style='overflow: hidden; width: 9rem'><table><td style='width: 20rem; min-width: 20rem'>hidden</table></div>"
        "<img alt='wide' src='data:,' style='display: block; width: 5000px; height: 9px'>"
        "<table style='width: 1rem; table-layout: fixed'><td style='overflow-wrap: anywhere'>paper</table>"
        "<div style='overflow-x: auto'><table><caption style='width: 6000px'>long</caption><td style='min-width: 6000px'>scrolls</table>"
        "</div></article>"
    )
    kinds = ("clipped: table hidden", "clipped: img wide", "clipped: caption long", "broken: paper", "scrolls sideways")
    assert [it for it in fits(sheet) if "sideways" not in it] == [
        f"{width} px: {it}" for width in WIDTHS for it in kinds[:4]
    ]
    assert len([it for it in fits(sheet) if kinds[4] in it]) == len(WIDTHS)


@pytest.mark.parametrize("name", pages())
def test_links_inside_the_book_resolve(name: str, html: Path) -> None:
    """Every link to a page, a download or a place in a page leads somewhere."""
    path = html / f"{name}.html"
    for link in _soup(path).select("a[href]"):
        target, _, anchor = str(link["href"]).partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        COUNTED["links"] += 1
        page = (path.parent / target.partition("?")[0]).resolve() if target else path
        assert page.is_file(), f"{name} links to {target}"
        if anchor and page.suffix == ".html":
            assert anchor in _ids(page), f"{name} links to #{anchor} in {page.name}"


@pytest.mark.parametrize("name", pages())
def test_pages_are_accessible_where_the_theme_is_not(name: str, html: Path) -> None:
    """The repairs of book/_ext/accessible.py are in place; a theme that changes its names shows here."""
    soup = _soup(html / f"{name}.html")
    assert soup.select(".navbar-brand") and soup.select(".search-button-field"), "the theme has other names now"
    assert not [cell for cell in soup.select("th") if not cell.get_text(strip=True)]
    assert not soup.select(
        "article summary[aria-label], .sig dl, .search-button-field[aria-label], button i[title], [role=doc-biblioentry]"
    )
    assert len(soup.select(".citation")) == len(soup.select("[role=list] > .citation[role=listitem]"))
    assert len(soup.select(".bd-article h1, #search-results")) == 1


@pytest.mark.parametrize("name", pages())
def test_markup_is_not_shown_as_text(name: str, html: Path) -> None:
    """An extension of the parser that is missing leaves its fences, formulas and roles in the text, without a warning."""
    article = _soup(html / f"{name}.html").select_one("article, #main-content")
    assert article is not None
    texts = [str(text) for text in article.find_all(string=True) if not text.find_parent(["pre", "code", "script"])]
    assert not re.search(r":::|\{(term|doc|numref|cite|py:\w+)[:}]|\$\\\\|@root/|<!-- ", "".join(texts))
    if name.endswith("03_augmentation"):
        assert article.select(".admonition.warning") and article.select(".math")


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
    """The two tables of book/data.md are the challenge's bands and what is derived from them, in order."""
    text = (BOOK / "data.md").read_text("utf-8").replace("\\|", "|")
    bands = CHALLENGE.bands
    rows = [f"| {band.title} | `{band.name}` | {band.unit} | {band.modality} |" for band in bands.bands]
    assert "\n".join(rows) in text
    names = [channel.name for channel in bands.channels(bands.counts[-1])[len(bands) :]]
    derived = {name: DERIVED[name] for name in names}
    assert (
        "\n".join(f"| `{name}` | {it.formula} | {'yes' if it.paper_names else 'no'} |" for name, it in derived.items())
        in text
    )


@cache
def _ids(path: Path) -> frozenset[str]:
    """The places in a page that a link can lead to."""
    return frozenset(str(it["id"]) for it in _soup(path).select("[id]"))


@cache  # not to be changed
def _soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def test_the_book_in_numbers(html: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what was looked at; it stands last because the others count for it."""
    with capsys.disabled():
        print(
            f"\nbook: {len(pages())} pages, {COUNTED['openings']} openings in {len(VIEWS)} views, {COUNTED['pictures']} pictures,"
            f" {COUNTED['tables']} tables,"
            f" {COUNTED['printed']} printed, {COUNTED['links']} links, {COUNTED['boxes opened']} boxes opened;"
            f" {COUNTED['findings']} findings, {COUNTED['axe']} of axe"
        )
