"""Every command that a page shows is understood: by the command line, by Snakemake, by the Makefile; files of the repository exist."""

import re
import shlex
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from snakemake.cli import get_argument_parser  # type: ignore[import-untyped]
from typer.main import get_group

from landslide_nb.cli import app
from landslide_nb.cli.parameters import parameters
from landslide_nb.experiments.study import Study
from landslide_nb.publish import notebooks

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted((ROOT / "book").glob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
]
COMMANDS = get_group(app).commands
FOLDERS = {"notebooks", "book", "results", "landslide_nb", "tests", "benchmarks", "binder", ".ci"}  # of the repository
OTHERS = {"accelerate", "export", "jupyter", "jupyter-book", "pip", "pre-commit", "python", "python3", "source", "uv"}
BROUGHT = {"data", "statistics", "patch", "decur", "scene", "scene_before", "places", "model"}  # a reader's own files
NOT_THERE = {"resnet_own": "what the page tells to add"}
FENCED = re.compile(
    r"^(?P<fence>`{3,})(?P<language>sh|bash|console)\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL
)
ANY_FENCE = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?<=\n\n)(?: {4}\S.*\n)+", re.MULTILINE)
INLINE = re.compile(r"`((?:landslide-nb|make|snakemake|papermill) [^`]+)`")


class Shown(NamedTuple):
    """A command on a page; one in a sentence may be the name alone."""

    text: str
    inline: bool = False


def prose(path: Path) -> str:
    """What is written on a page, or in a notebook's cells of text."""
    if path.suffix == ".md":
        return path.read_text("utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def shown(text: str) -> Iterator[Shown]:
    """The commands of a text: in blocks of a shell, indented, and in sentences."""
    rest = ANY_FENCE.sub("", text)
    for block in (*(it["text"] for it in FENCED.finditer(text)), *INDENTED.findall(f"\n\n{rest}\n")):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip() and not line.strip().startswith("#"):
                yield Shown(line.strip().removeprefix("$ "))
    yield from (Shown(found, inline=True) for found in INLINE.findall(rest))


def check(command: Shown) -> None:
    """Raise what would be raised if somebody typed this; nothing is run."""
    words = shlex.split(command.text, comments=True)
    while "=" in words[0]:
        assert any(words[0].partition("=")[0] in it.read_text("utf-8") for it in (ROOT / "landslide_nb").rglob("*.py"))
        words.pop(0)
    if NOT_THERE.keys() & set(words):
        return
    named = [word for word in words if word.partition("/")[0] in FOLDERS and "/" in word]
    named += [word for before, word in pairwise(words) if before == "-r"]
    assert all((ROOT / word).exists() for word in named), named
    program, *rest = words
    known: dict[str, Callable[[list[str]], None]] = {"papermill": papermill, "snakemake": snakemake, "make": make}
    if Path(program).name == "landslide-nb":
        ours(rest, command.inline)
    elif program in known:
        known[program](rest)
    else:
        assert Path(program).name in OTHERS, program
        if "$(which landslide-nb)" in rest:
            ours(rest[rest.index("$(which landslide-nb)") + 1 :])


def ours(words: list[str], named: bool = False) -> None:
    """A command of the package; its name alone where a sentence is about it."""
    name, *rest = words
    assert name in COMMANDS, name
    if named and not rest:
        return
    context = COMMANDS[name].make_context(name, rest)
    if name == "chapter":
        notebooks.find(context.params["name"], ROOT / "notebooks")
    check_study(parameters(context.args))


def papermill(words: list[str]) -> None:
    """A notebook, where it goes, and parameters."""
    source, output, *rest = words
    assert output.endswith(".ipynb")
    check_study(notebooks.defaults(ROOT / source) | parameters(rest))


def snakemake(words: list[str]) -> None:
    """Options that it has, and keys that the Snakefile knows."""
    given = get_argument_parser().parse_args(words)
    keys = dict(entry.partition("=")[::2] for entry in given.config or ())
    keys.pop("jobs", None)
    check_study(keys)


def make(words: list[str]) -> None:
    """Targets and settings of the Makefile."""
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([\w-]+):", text, re.MULTILINE)
    settings = re.findall(r"^KNOWN := (.*)$", text, re.MULTILINE)[0].split()
    for word in words:
        name, equals, _ = word.partition("=")
        assert name in (settings if equals else targets), name


def check_study(given: dict[str, Any]) -> None:
    """Parameters that a study has, with values that it takes; a reader's own files are not looked at."""
    assert given.keys() <= set(Study.model_fields), given
    Study.load(**{name: value for name, value in given.items() if name not in BROUGHT})


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_are_understood(path: Path) -> None:
    """A reader would copy a command and get an error of its grammar."""
    for command in shown(prose(path)):
        try:
            check(command)
        except (Exception, SystemExit) as error:
            pytest.fail(f"{command.text}: {error!r}")


def test_the_commands_are_found() -> None:
    """The check above would pass on nothing."""
    found = {path.name: [it.text for it in shown(prose(path))] for path in PAGES}
    assert sum(map(len, found.values())) >= 100
    assert len(found["README.md"]) >= 18 and any(it.startswith("uv pip") for it in found["CONTRIBUTING.md"])
    assert any(it.startswith("landslide-nb stack") for it in found["06_heads.ipynb"])
    assert "accelerate launch --multi_gpu --num_processes 4" in " ".join(found["scale.md"])


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "landslide-nb nonsense",
        "landslide-nb chapter 99",
        "landslide-nb chapter 04 -p epoch 3",
        "landslide-nb chapter 04 --epochs 3",
        "landslide-nb predict model -o out.csv",
        "landslide-nb simulate out --patches many",
        "landslide-nb map results/nonsense SCENE.tif -o out.tif",
        "LANDSLIDE_NB_NONSENSE=1 landslide-nb runs",
        "papermill notebooks/99_nonsense.ipynb out.ipynb",
        "papermill notebooks/04_backbones.ipynb out.ipynb -p edition huge",
        "snakemake --cores all --config colours=3",
        "snakemake --nonsense",
        "make nonsense",
        "make book COLOUR=red",
        "pip install -r nonsense.txt",
    ],
)
def test_a_wrong_command_is_noticed(text: str) -> None:
    """The check above can fail."""
    with pytest.raises((Exception, SystemExit)):
        check(Shown(text))
