"""Folders and files show the architecture: imports point downwards, a room for each chapter, no file that does two things."""

import ast
from itertools import pairwise
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "landslide_nb"
# From the ground up; a module may use its own room and those before it. CONTRIBUTING.md says what each is for.
ROOMS = (
    *("common", "data", "metrics", "display", "similarity", "augment", "models", "tabular", "simulation", "training"),
    *("experiments", "explain", "inference", "chapters", "publish", "cli"),
)
LONGEST = 250
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    """`landslide_nb.data.sources.zindi` is in the room `data`."""
    return module.split(".")[1]


def imported(path: Path) -> set[str]:
    """The modules of this package that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("landslide_nb"):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("landslide_nb.")}
    return {name for name in found if name.count(".") and name.split(".")[1] in ROOMS}


def test_every_module_is_in_a_room() -> None:
    """A newcomer would find a module that belongs nowhere."""
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ROOMS)
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    """A change in a chapter could break the loading of patches, or two chapters each other."""
    parts = path.relative_to(PACKAGE).parts
    if len(parts) == 1:
        assert not imported(path)
        return
    allowed = ROOMS[: ROOMS.index(parts[0]) + 1]
    names = imported(path)
    assert {room_of(name) for name in names} <= set(allowed)
    if parts[0] == "chapters" and len(parts) > 2:
        others = {name for name in names if room_of(name) == "chapters" and name.split(".")[2] != parts[1]}
        assert not others, f"chapter {parts[1]} imports another chapter's room: {others}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_long(path: Path) -> None:
    """A file of more lines does two things, and nobody reads it from top to bottom."""
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST


def test_contributing_lists_the_rooms_in_their_order() -> None:
    """A newcomer would be sent to rooms that are not there."""
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text("utf-8")
    places = [text.find(f"`{room}/`") for room in ROOMS]
    assert min(places) > 0 and all(a < b for a, b in pairwise(places))
