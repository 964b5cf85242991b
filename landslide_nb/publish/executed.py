"""Executed chapters as a folder: their tables, pictures and facts, found by number and name."""

import ast
import base64
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from landslide_nb.common.errors import ChapterError
from landslide_nb.experiments.study import Study
from landslide_nb.publish import notebooks, tables_csv
from landslide_nb.publish.tables_csv import Rows


class Chapter:
    """An executed chapter."""

    def __init__(self, path: Path) -> None:
        """Of the chapter at `path`, with its facts beside it."""
        self.path = path

    @property
    def doc(self) -> str:
        """A link to it, from a page beside it."""
        return f"{{doc}}`{self.path.stem}`"

    @cached_property
    def notebook(self) -> NotebookNode:
        """The chapter, cells and outputs."""
        return notebooks.read(self.path)

    @cached_property
    def tables(self) -> list[Rows]:
        """Its tables, header first."""
        return tables_csv.tables(self.path)

    def table(self, *columns: str) -> Rows | None:
        """Its first table that has these columns; None where an edition leaves it out."""
        return next((table for table in self.tables if set(columns) <= set(table[0])), None)

    def picture(self, name: str) -> tuple[bytes, Mapping[str, str]]:
        """A picture by its name: as PNG, with what it says of itself (`alt`, `caption`).

        Raises:
            ChapterError: if the chapter shows no picture of this name.
        """
        for output in (output for cell in self.notebook.cells for output in cell.get("outputs", [])):
            about = output.get("metadata", {}).get("image/png", {})
            if about.get("name") == name:
                return base64.b64decode(output.data["image/png"]), about
        raise ChapterError(f"{self.path} shows no picture called {name}; execute it again, or name another picture")

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What its execution has left beside it; nothing where nothing is."""
        path = self.path.with_suffix(".json")
        found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        return found

    @cached_property
    def injected(self) -> dict[str, Any]:
        """The parameters that it was executed with: those of the cell that papermill adds, or else of the facts."""
        if not self.path.is_file():
            return dict(self.facts.get("parameters", {}))
        cells = (cell for cell in self.notebook.cells if "injected-parameters" in cell.metadata.get("tags", []))
        tree = ast.parse(next((cell.source for cell in cells), ""))
        pairs = ((node.targets[0], node.value) for node in tree.body if isinstance(node, ast.Assign))
        return {name.id: ast.literal_eval(value) for name, value in pairs if isinstance(name, ast.Name)}

    @cached_property
    def study(self) -> Study:
        """The study that it was executed for, with the files that were given."""
        asked = self.injected | self.facts.get("parameters", {})
        return Study.load(**{name: value for name, value in asked.items() if name in ("edition", *Study.model_fields)})


def chapters(folder: Path) -> dict[str, Chapter]:
    """The executed chapters of a folder, by their two digits; one may have facts only."""
    stems = sorted({path.stem for kind in ("ipynb", "json") for path in folder.glob(f"[0-9][0-9]_*.{kind}")})
    return {stem[:2]: Chapter(folder / f"{stem}.ipynb") for stem in stems}
