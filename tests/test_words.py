"""The book speaks the field's language: everyday words that readers stumbled over are counted, page by page.

`python tests/test_words.py` prints the counts.
"""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any, Final

import pytest

from landslide_nb.publish import landing

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
PAGES = [*sorted(path for path in BOOK.glob("*.md") if path.name != "changelog.md"), ROOT / "README.md"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXECUTED = sorted((BOOK / "chapters").glob("*.ipynb"))
MADE = sorted([*(BOOK / "chapters").glob("*.md"), *(BOOK / "chapters").glob("*.txt")])
OLD_TITLES: Final = (
    "What is in a patch|Making the minority larger|Who is alike|What is done to each batch|Which backbone|Another head"
    "|A map of embeddings|Three ways to say nothing|Radar against light|What adds up|The ladder|What holds"
)
PERCENT: Final = r"(?<=\d)%"
# A word as readers met it, and the field's term. Light that is visible is light; LightGBM has decision trees, hundreds of them.
WORDS: Final = {
    r"(?<!visible )\blight\b": "optical",
    r"(?<!decision )(?<!hundred )\btrees\b": "LightGBM, or gradient boosting",
    r"\b(?:ahead|behind)\b": "a higher, or lower, F1",
    r"\bchance allows\b": "the 95 % interval excludes 0, or includes it",
    r"\b(?:cannot|not to) be told\b|\bneither way\b|\bneither can be said\b": "inconclusive",
    r"(?<!\")\bsaid positive\b": "predicted positive rate",
    r"\bprobability said\b|\bsaid to (?:be|hold)\b": "predicted probability; predicted",
    r"\bsay \d[\d.]* ?% where\b": "predicted and observed rate",
    r"\bas its author scores\b": "validation with synthetic patches",
    rf"^#+ (?:{OLD_TITLES})$": "a title that names its topic",
    PERCENT: "a space before the sign: 95 %",
}
# What outputs still have: the code no longer writes most of it, and the chapters wait for their next execution. It may only become less.
LEFT: Final = {
    "01_data_exploration": 4,
    "02_ssim_smote": 2,
    "04_backbones": 6,
    "05_ablations": 2,
    "06_heads": 7,
    "07_umap": 2,
    "08_band_occlusion": 10,
    "09_what_adds_up": 5,
    "10_what_holds": 1,
}
PLANTED: Final = (
    *(
        "Radar and light agree.",
        "the trees know most",
        "Trees reach",
        "far ahead of it",
        "+0.1, more than chance allows",
    ),
    *("which cannot be told", "3 speak neither way", "said positive", "## Radar against light", "17.6% of them"),
)
HARMLESS: Final = (
    *(
        "the red share of visible light",
        "two hundred trees",
        "many small decision trees",
        "LightGBM",
        "an interval of 95 %",
    ),
    *("the column `said positive`", "{doc}`09_what_adds_up`", "[its page](trees.md)", "what holds on new patches"),
)


def plain(text: str) -> str:
    """A text without its code, its roles and the targets of its links."""
    text = re.sub(r"^(`{3,})(?!\{).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`|\]\([^)]*\)|^    .*$", " ", text, flags=re.MULTILINE)


def left(text: str) -> list[str]:
    """The everyday words of a text, each with the better one."""
    text = plain(text)
    return [
        f"{found.group()!r}: better {better}"
        for word, better in WORDS.items()
        for found in re.finditer(word, text, re.MULTILINE | re.IGNORECASE)
    ]


def cells(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook."""
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cells"]
    return found


def by_hand(path: Path) -> str:
    """What somebody wrote: a page, or a chapter's markdown and the captions of its tables."""
    if path.suffix == ".md":
        return landing.MARKED.sub("", path.read_text("utf-8"))  # that part of the README is made by code
    texts = ["".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "markdown"]
    return "\n\n".join([*texts, *(cell["metadata"].get("table", {}).get("caption", "") for cell in cells(path))])


def printed(path: Path) -> str:
    """What the code of an executed chapter wrote: texts, tables, captions."""
    texts = []
    for cell in cells(path):
        texts.append(cell["metadata"].get("mystnb", {}).get("figure", {}).get("caption", ""))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            texts.append("".join(output.get("text", data.get("text/markdown", data.get("text/html", "")))))
    text = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", "\n".join(texts), flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]*>", " ", text))


def counts() -> dict[str, tuple[list[str], list[str]]]:
    """The everyday words left on each page: by hand, and in what code wrote, a percent sign without a space among them."""
    none: list[str] = []
    found = {path: (left(by_hand(path)), none) for path in [*PAGES, *NOTEBOOKS]}
    found |= {path: (left(by_hand(path)), left(printed(path))) for path in EXECUTED}
    found |= {path: (none, left(path.read_text("utf-8"))) for path in MADE}
    return {path.relative_to(ROOT).as_posix(): of for path, of in found.items()}


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_text_has_the_fields_terms(path: Path) -> None:
    """A reader of the field would stumble over a word that only this book uses."""
    assert left(by_hand(path)) == []


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)
def test_outputs_have_ever_fewer_everyday_words(path: Path) -> None:
    """A table or a finding would bring back what the texts no longer say."""
    found = left(re.sub(PERCENT, " %", printed(path)))  # as Python writes it
    assert len(found) <= LEFT.get(path.stem, 0), found


@pytest.mark.parametrize("text", PLANTED)
def test_an_everyday_word_is_found(text: str) -> None:
    """The checks above can fail."""
    assert left(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_other_words_are_left_alone(text: str) -> None:
    """Names in code, and words in another sense, are no fault."""
    assert not left(text)


if __name__ == "__main__":
    table = counts()
    print("by hand  by code  page")
    for page, (hand, code) in table.items():
        print(f"{len(hand):7}  {len(code):7}  {page}", *(f"\n{'':18} {word}" for word in sorted({*hand, *code})))
    print(
        f"{sum(len(it[0]) for it in table.values()):7}  {sum(len(it[1]) for it in table.values()):7}  all {len(table)} pages"
    )
