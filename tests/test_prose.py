"""No metric is typed: a number in a text of the book comes from the code that computed it, the paper's from its tables."""

import re
from pathlib import Path

import nbformat
import pytest

from landslide_nb.publish import landing

ROOT = Path(__file__).parents[1]
TEXTS = [
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
    *sorted(path for path in (ROOT / "book").rglob("*.md") if path.parent.name != "chapters"),  # those are made by code
    ROOT / "README.md",
]
METRIC = r"(?:F1|AUROC|AUC|[Aa]ccurac\w+|[Pp]recision|[Rr]ecall|[Oo]ptimism|[Ss]cores?|[Ee]rror)"
NUMBER = r"(?<![\w.$\[])[-+−]?(?:\d*\.\d+|\d+ ?%)"
TYPED = re.compile(
    rf"(?<![\w.$\[])[01]?\.\d{{2,}}\b"  # 0.89: no setting of the study has two digits in a text
    rf"|\b{METRIC}\b[^.\n|]{{0,40}}?{NUMBER}"  # F1 of 89 %
    rf"|{NUMBER} (?:in |of )?{METRIC}\b"  # 0.9 F1
    rf"|\b\d+(?:\.\d+)? ?(?:percentage )?points?\b(?! of| at)"  # gains 2 points
    rf"|\b\d+(?:\.\d+)?(?: ?×| times| ?%) (?:better|worse|faster|slower|more accurate|higher|lower)\b"
)
PLANTED = (
    *("The paper reaches an F1 of 0.8915 on the board.", "AUROC is .98 here.", "We get 0.87."),
    *("an F1 score of 89 %", "Accuracy rises to 93%.", "It gains 2.1 points.", "a recall near 0.9", "0.9 F1"),
    *("our kernel is 142 times faster", "the error falls by 3 %", "```{table} Scores.\n| a |\n|---|\n| F1 0.89 |\n```"),
)
HARMLESS = (
    *("Intervals are 95 %, by bootstrap over patches.", "clipped to $[0.1, 0.9]$", "C = 0.5 and 0.1", "§2.0.2–3"),
    *("0.1 is a tenth more", "at a threshold of one half", "a batch of 36", "version 0.1.0", "`0.8915`"),
    *("`f1` and 64 × 64 pixels of 10 m", "F1 at a threshold of one half, with a 95 % interval"),
)


def typed(text: str) -> list[str]:
    """Numbers in a text, outside of its code and formulas, that look like results."""
    text = re.sub(r"^```\{table\}(.*?)^```$", r"\1", text, flags=re.MULTILINE | re.DOTALL)  # with its caption
    text = re.sub(r"^(`{3,}|:{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL) if "```" in text else text
    text = re.sub(r"`[^`\n]*`|\$[^$\n]*\$|\]\([^)]*\)|^    .*$", " ", text, flags=re.MULTILINE)
    text = re.sub(r"95 % intervals?|[Ii]ntervals? (?:are|of) 95 %", "intervals", text)
    return [found.group() for found in TYPED.finditer(text)]


def prose(path: Path) -> str:
    """What somebody wrote by hand in a file."""
    if path.suffix == ".md":
        return landing.MARKED.sub("", path.read_text("utf-8"))  # that part of the README is made by code
    cells = nbformat.read(path, as_version=4).cells
    captions = [cell.metadata.get("table", {}).get("caption", "") for cell in cells]
    return "\n\n".join([*(cell.source for cell in cells if cell.cell_type == "markdown"), *captions])


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_metric_is_typed(path: Path) -> None:
    """A text would go on telling a score that the code no longer computes."""
    assert typed(prose(path)) == []


@pytest.mark.parametrize("text", PLANTED)
def test_a_typed_metric_is_found(text: str) -> None:
    """The check above can fail."""
    assert typed(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_other_numbers_are_left_alone(text: str) -> None:
    """Settings, sizes and references are no results."""
    assert not typed(text)
