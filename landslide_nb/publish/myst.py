"""MyST that the pages share."""

import re
from collections.abc import Iterable, Sequence


def table(caption: str, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A numbered table with its caption.

    Args:
        caption: in one or two sentences.
        name: its label, unique in the book.
        header: a title for each column.
        rows: a cell for each column, MyST allowed.
    """
    return f"```{{table}} {caption}\n:name: {name}\n\n{pipes(header, rows)}\n```"


def pipes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table without caption or number; an interval stays on its line, as `display.table.show` has it."""
    lines = [header, ["---"] * len(header), *rows]
    text = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    return re.sub(r"(\[[-+−.\d]+,) (?=[-+−.\d]+\])", "\\1\N{NO-BREAK SPACE}", text)
