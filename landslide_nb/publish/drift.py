"""Whether executed chapters are as new as their notebooks and their code."""

import re
from pathlib import Path

from landslide_nb.experiments.code import code_version
from landslide_nb.publish import notebooks


def drift(notebook: Path, executed: Path) -> str:
    """What an executed chapter lacks of its notebook, in one sentence; nothing where both have the same cells.

    Args:
        notebook: the chapter as written.
        executed: the same chapter with outputs; the cell that papermill adds is left out of the comparison.
    """
    if not executed.is_file():
        return f"{executed} is missing: `make reference` executes {notebook} and puts it there"
    written, ran = _sources(notebook), _sources(executed)
    if written == ran:
        return ""
    first = next((i for i, (a, b) in enumerate(zip(written, ran, strict=False)) if a != b), min(len(written), len(ran)))
    return f"{executed} is older than {notebook}, cell {first + 1} differs: `make reference` executes it again"


def code_drift(page: Path) -> str:
    """Whether a book's runs were made by other code than this, in one sentence; nothing where it is the same.

    Args:
        page: as `build_page` made it.
    """
    found = re.findall(r"\| `(\w{16})` \| \d+ \|", page.read_text("utf-8")) if page.is_file() else []
    if not found:
        return f"{page} does not exist, or does not say what code its numbers come from: `make reference` writes it"
    now = code_version()["code"]
    others = sorted(set(found) - {now})
    if not others:
        return ""
    return f"numbers beside {page} come from the code {', '.join(others)}, and it is {now} now: `make reference` runs it again"


def _sources(notebook: Path) -> list[tuple[str, str]]:
    cells = notebooks.read(notebook).cells
    return [(it.cell_type, it.source) for it in cells if "injected-parameters" not in it.metadata.get("tags", [])]
