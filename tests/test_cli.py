"""The command line says what it takes, and refuses what it does not before anything heavy loads."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from conftest import Command
from typer.core import TyperGroup

from landslide_nb.data.patches import Patches
from landslide_nb.experiments import listing
from landslide_nb.experiments.study import EDITIONS, Study
from landslide_nb.publish import pages

ROOT = Path(__file__).parents[1]
NAMES = set(Study.model_fields) - {"data_set"}
HEAVY = {"torch", "timm", "papermill", "pandas", "sklearn", "numba"}


@pytest.mark.parametrize("command", ["plan", "fit", "export", "chapter"])
def test_help_lists_the_parameters(command: str, here: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could know what `-p` takes without reading the book."""
    monkeypatch.setenv("COLUMNS", "100")
    done = here(command, "--help")
    assert done.returncode == 0 and f"{command} [OPTIONS]" in done.stdout and "[-p NAME VALUE]..." in done.stdout
    said = {word.strip(",.:") for word in done.stdout.split()}
    assert said >= NAMES and "`landslide-nb parameters`" in done.stdout.replace("\n ", " ")


def test_all_parameters_are_printed(here: Command) -> None:
    """A name, a type or an edition's value would be missing, and a table by hand be of another version."""
    done = here("parameters")
    assert done.returncode == 0
    assert "  epochs: whole number, ≥ 1; lite 10, paper 50, real 11, smoke " in done.stdout
    assert "  colour: number, ≥ 0, ≤ 1; 0.2\n      strength of noise" in done.stdout
    assert "  schedule: none or step or cosine; none\n" in done.stdout
    assert "  smote_ratio: number or None, > 0; None\n" in done.stdout
    listed = [parameter for group in listing.parameters().values() for parameter in group]
    assert {parameter.name for parameter in listed} == NAMES
    for name, kind, meaning, values in listed:
        assert kind and meaning and tuple(values) == EDITIONS, name
        assert f"\n  {name}: {kind}; " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 140


def test_the_page_is_of_the_same_list() -> None:
    """The book would say other things than the command."""
    page = pages.parameters_page()
    for group in listing.parameters().values():
        for name, kind, meaning, _ in group:
            assert f"| `{name}` | {kind} | {meaning} | " in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count(" | ") for line in rows if not line.startswith("|-")} == {2 + len(EDITIONS)}


def test_nothing_heavy_loads_to_refuse_or_to_list(tiny: Patches, tmp_path: Path) -> None:
    """Whoever mistypes a value would wait for torch, or for the data's libraries, to be told so."""
    tiny.write(tmp_path / "a.h5")
    calls = [["parameters"], ["fit", "--help"]]
    for wrong in (("epochs", "three"), ("epoch", "3"), ("scaling", "odd"), ("weights", "")):
        calls += [[name, "-p", "data", str(tmp_path / "a.h5"), "-p", *wrong] for name in ("fit", "plan")]
    program = f"""
import sys
from landslide_nb.cli import main
for words in {calls!r}:
    sys.argv = ["landslide-nb", *words]
    try:
        main()
    except SystemExit as ended:
        assert bool(ended.code) == ("-p" in words), words
print(sorted({HEAVY!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert [line.startswith("error: ") for line in done.stderr.splitlines()] == 8 * [True]


def test_a_warning_appears_once(here: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words would scroll what matters out of sight, each time with a line of code."""

    def warn() -> list[object]:
        for _ in range(3):
            warnings.warn("the bands are\n  odd", stacklevel=1)
            with warnings.catch_warnings():  # forgets what was shown
                warnings.warn("the bands are odd", RuntimeWarning, stacklevel=1)
        return []

    monkeypatch.setattr("landslide_nb.experiments.inventory.kept", warn)
    assert here("runs").stderr == "warning: the bands are odd\n"


def test_a_package_that_is_not_there_is_named_with_what_brings_it(
    here: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever installed the package for prediction only would see a traceback where a chapter needs more."""

    def lacking(*given: object) -> None:
        raise ModuleNotFoundError("No module named 'papermill'", name="papermill")

    monkeypatch.setattr(TyperGroup, "invoke", lacking)
    done = here("chapter", "05", "-o", "05.ipynb")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: papermill is not installed; ") and "'landslide-nb[book]'" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("simulate", "out", "--seed", "4294967296"),
            "'--seed': Input should be less than or equal to 2000000000; see `landslide-nb simulate",
        ),
        (("predict", "a", "b", "--nodata", "text"), "'--nodata': Input should be a valid number"),
        (("convert",), "Missing argument 'folder'; see `landslide-nb convert --help`"),
        (("simulat",), "No such command 'simulat'. Did you mean 'simulate'"),
        (("--oops",), "No such option: --oops; see `landslide-nb --help`"),
    ],
)
def test_a_wrong_call_is_refused_in_one_sentence(words: tuple[str, ...], said: str, here: Command) -> None:
    """A user would have to find in a box of five lines what is wrong, and a script would have two kinds of errors to read."""
    done = here(*words)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and said in done.stderr
