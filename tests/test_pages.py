"""The book's pages by hand, its reference and its bibliography, looked at without a browser."""

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from pybtex.database import parse_file  # type: ignore[import-untyped]
from typer.main import get_group

from landslide_nb.cli import app

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
PACKAGE = ROOT / "landslide_nb"
BY_HAND = [path for path in sorted(BOOK.glob("*.md")) if path.name != "changelog.md"]
MODULES = sorted(
    path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
    for path in PACKAGE.rglob("*.py")
    if path.stem != "__init__"
)
COMMANDS = [name for name in MODULES if name.startswith("cli.")]


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The extension that writes the reference."""
    monkeypatch.syspath_prepend(BOOK / "_ext")
    yield importlib.import_module("reference")


def test_the_reference_has_every_module_once(reference: ModuleType) -> None:
    """A new room would not be in it, and nobody would notice."""
    text = "\n".join(path.read_text("utf-8") for path in sorted((BOOK / "reference").glob("*.md")))
    asked = re.findall(r"<!-- reference: (\w+) -->", text)
    shown = [name for room in asked for name in reference.modules(room)]
    assert sorted([*shown, *(COMMANDS if "<!-- commands -->" in text else [])]) == MODULES
    assert set(re.findall(r"file: reference/(\w+)", (BOOK / "_toc.yml").read_text("utf-8"))) >= set(asked)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_is_in_the_reference(name: str, reference: ModuleType) -> None:
    """A function would be there and not be told of; each has a sentence."""
    if name in COMMANDS:  # told as commands
        return
    text = reference.module(name)
    for node in ast.parse((PACKAGE / f"{name.replace('.', '/')}.py").read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert re.search(rf"^`+\{{py:\w+\}} {node.name}\b", text, re.MULTILINE), node.name
            assert (ast.get_docstring(node) or "").partition("\n")[0].partition("`")[0][:20].replace("<", "\\<") in text


def test_a_docstring_becomes_lists_of_fields(reference: ModuleType) -> None:
    """Arguments would run into one paragraph."""
    sections = ("Args:\n    first, second: both\n        of them.\n    third: x.", "Returns:\n    float32.")
    text = "\n\n".join(["One <thing>.", "More `a * b`.", *sections, "After."])
    assert reference.documented(text) == (
        "One \\<thing>.\n\nMore `a * b`.\n\n:param first: both of them.\n:param second: both of them.\n:param third: x.\n\n"
        ":returns: float32.\n\nAfter."
    )


def test_the_command_line_is_told_as_it_is(reference: ModuleType) -> None:
    """A reader would type what does not exist."""
    text = reference.commands()
    assert re.findall(r"^## landslide-nb (\S+)$", text, re.MULTILINE) == list(get_group(app).commands)
    assert "landslide-nb check-submission FILE SAMPLE\n" in text
    assert "landslide-nb convert FOLDER OUTPUT [--kind KIND]" in text
    assert "landslide-nb stack TABLE NEW -o OUTPUT" in text
    assert "- `--patches PATCHES`: Labelled patches." in text
    assert "[-p NAME VALUE ...]" in text.partition("## landslide-nb fit\n")[2].partition("##")[0]


def test_files_of_the_repository_are_found_from_any_page(reference: ModuleType) -> None:
    """A page would show nothing in the book that Snakemake copies elsewhere."""
    assert reference.expand("@root/LICENSE", BOOK / "a.md") == "../LICENSE"
    assert reference.expand("@root/LICENSE", ROOT / "build" / "smoke" / "reference" / "a.md") == "../../../LICENSE"


@pytest.mark.parametrize("path", sorted((BOOK / "_ext").glob("*.py")), ids=lambda path: path.stem)
def test_extensions_need_only_what_the_book_installs(path: Path) -> None:
    """The book would need the package, and torch, to be read."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names <= {"bs4", "docutils", "sphinx"}


def test_a_reference_has_a_doi_or_says_why_not() -> None:
    """A reader could not find what a sentence rests on."""
    for key, entry in parse_file(str(BOOK / "references.bib")).entries.items():
        doi = entry.fields.get("doi", "")
        assert bool(doi) != ("nodoi" in entry.fields), key
        assert not doi or re.fullmatch(r"10\.\d{4,}/\S+", doi), key
        assert doi or "url" in entry.fields or "booktitle" in entry.fields or "journal" in entry.fields, key
        if "eprint" in entry.fields and "arXiv" in doi:
            assert doi == f"10.48550/arXiv.{entry.fields['eprint']}", key


def test_terms_are_in_the_glossary_and_in_use() -> None:
    """The glossary would be a list that no page leads to."""
    text = (BOOK / "glossary.md").read_text("utf-8")
    terms = {line for block in re.findall(r"\{glossary\}\n(.*?)```", text, re.DOTALL) for line in block.splitlines()}
    terms = {line for line in terms if line and not line.startswith(" ")}
    assert len(terms) >= 40
    for path in BY_HAND:
        used = re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", path.read_text("utf-8"))
        assert set(used) <= terms, path.name
    assert sum("{term}" in path.read_text("utf-8") for path in BY_HAND) >= 7


def test_the_changelog_and_the_citation_know_the_version() -> None:
    """Two texts would name two versions."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"## {version} (" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text("utf-8")


@pytest.mark.parametrize("number", range(1, 9))
def test_a_chapter_says_where_its_time_is(number: int) -> None:
    """A reader would start what takes a night."""
    (path,) = (ROOT / "notebooks").glob(f"{number:02d}_*.ipynb")
    assert "how long each chapter took" in path.read_text("utf-8").lower()
    assert path.stem in (BOOK / "chapters" / "about_this_build.md").read_text("utf-8")
