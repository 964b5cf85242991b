"""The boxes "Change this and run again": one in each chapter, whose command works as it stands after `make book`."""

import re
import shlex
from pathlib import Path

import nbformat
import pytest
from conftest import Command

from landslide_nb.chapters.c11 import made
from landslide_nb.cli.parameters import parameters
from landslide_nb.experiments.study import Study
from landslide_nb.publish import notebooks

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TITLE = ":::{admonition} Change this and run again\n"
PROGRAM = ".venv/bin/landslide-nb"
STORE = "build/store"  # where `make book` keeps what the command reads

each_chapter = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def box(path: Path) -> str:
    """The text of a chapter's box, which stands before the last cell."""
    cells = nbformat.read(path, as_version=4).cells
    assert [number for number, it in enumerate(cells) if it.source.startswith(TITLE)] == [len(cells) - 2], path
    return str(cells[-2].source)


def words(path: Path) -> list[str]:
    """The command of a chapter's box, without the program."""
    (command,) = re.findall(r"^```sh\n(.*)\n```$", box(path), re.MULTILINE)
    program, *rest = shlex.split(command)
    assert program == PROGRAM
    return rest


@each_chapter
def test_a_box_says_how_long_it_takes_and_where_to_look(path: Path) -> None:
    """A reader would wait without knowing how long, and find a page full of numbers without knowing which moved."""
    text = box(path)
    assert re.search(r"(seconds|minutes?( or two)?) on two cores", text)
    titles = {
        title for it in nbformat.read(path, as_version=4).cells for title in re.findall(r"^## (.*)$", it.source, re.M)
    }
    named = set(re.findall(r"\*([A-Z][^*]*)\*", text))
    assert named <= titles, named - titles
    assert named or "picture" in text


@each_chapter
def test_the_command_of_a_box_is_understood(path: Path) -> None:
    """A reader would begin with an error."""
    command, *rest = words(path)
    if command == "map":
        assert (ROOT / rest[0]).is_dir() and rest[1] == f"{STORE}/scenes/made-{Study.load('smoke').data_seed}/after.tif"
        return
    assert command == "chapter" and notebooks.find(rest[0], ROOT / "notebooks") == path
    given = parameters(rest[1:])
    before = Study.load(**notebooks.defaults(path))
    after = Study.load(**notebooks.defaults(path) | given)
    assert given and all(getattr(after, name) != getattr(before, name) for name in given)
    assert after.edition in ("smoke", "real"), "of another edition, it would train for hours"


@pytest.mark.slow
@each_chapter
def test_the_command_of_a_box_works(
    path: Path, here: Command, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page promises would end in an error after minutes."""
    monkeypatch.chdir(ROOT)
    seed = Study.load("smoke").data_seed
    made.write(store / "scenes" / f"made-{seed}", seed)
    given = [word.replace(STORE, str(store)).replace("build/", f"{tmp_path}/") for word in words(path)]
    target = [] if "-o" in given else ["-o", str(tmp_path / "out.ipynb")]
    done = here(*given[:2], *target, *given[2:])
    assert done.returncode == 0, done.stderr
    assert any(tmp_path.iterdir())
