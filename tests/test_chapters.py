"""Chapters as written obey the skeleton; executed, they are whole or not there."""

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import papermill
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from landslide_nb.chapters import parameters
from landslide_nb.common.errors import ChapterError, StudyError
from landslide_nb.experiments.code import code_version
from landslide_nb.experiments.study import Study
from landslide_nb.publish import drift, execute, notebooks

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PARAMETERS = 'edition = "smoke"\ndata = "simulated"\nepochs = None'
PICTURE = """
from IPython.display import publish_display_data
said = {"alt": "A map of points.", "name": "fig-map", "caption": "Points."}
publish_display_data({"image/png": "aGk=", "text/plain": "x"}, {"image/png": said})
"""
WRONG = {
    "epoch 3": "epochs",
    "epochs three": "'epochs' is 'three'",
    "edition huge": "edition is 'huge'; expected one of lite, paper, real, smoke",
    "backbone nonsense": "'nonsense' is not known to timm",
}

each_chapter = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[NotebookNode]:
    """The cells of one kind."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def written(path: Path, *sources: str, tags: Mapping[int, list[str]] | None = None) -> Path:
    """A small chapter on disk: a title, a parameters cell, then these cells."""
    code = [new_code_cell(source) for source in (PARAMETERS, *sources)]
    code[0].metadata["tags"] = ["parameters"]
    for number, names in (tags or {}).items():
        code[number].metadata["tags"] = names
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A chapter"), *code], metadata={"kernelspec": kernel}), path)
    return path


def executed(*counts: int | None, error: bool = False) -> NotebookNode:
    """A notebook whose code cells carry these execution counts."""
    outputs = [new_output("error", ename="ValueError", evalue="no", traceback=[])] if error else []
    code = [new_code_cell("x", execution_count=count, outputs=outputs) for count in counts]
    notebook: NotebookNode = new_notebook(cells=code)
    return notebook


def test_all_chapters_are_looked_at() -> None:
    """The checks of the skeleton would pass on an empty folder."""
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{number:02d}" for number in range(1, len(NOTEBOOKS) + 1)]
    assert len(NOTEBOOKS) >= 8


@each_chapter
def test_a_chapter_has_one_parameters_cell(path: Path) -> None:
    """A parameter would have nowhere to go, or be overridden by the defaults below it."""
    tagged = [cell for cell in cells(path, "code") if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0].source == cells(path, "code")[0].source, "the parameters are not the first code cell"
    assert tagged[0].source.startswith("edition =")
    assert all(isinstance(node, ast.Assign) for node in ast.parse(tagged[0].source).body)


@each_chapter
def test_a_chapter_is_committed_without_outputs(path: Path) -> None:
    """Every execution would be a change of the sources."""
    for cell in cells(path, "code"):
        assert cell.outputs == [] and cell.execution_count is None


@each_chapter
def test_a_chapter_is_short_and_defines_nothing(path: Path) -> None:
    """A reader would have to read a program; work that belongs into the package would not be tested."""
    code = cells(path, "code")
    assert len(code) <= 22
    for cell in code:
        assert len([line for line in cell.source.splitlines() if line.strip()]) <= 15, cell.source
        nodes = ast.walk(ast.parse(cell.source))
        assert not any(isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for it in nodes)


@each_chapter
def test_a_chapter_has_the_skeleton(path: Path) -> None:
    """A reader would not learn what is asked, what is needed, or what came out."""
    texts = [cell.source for cell in cells(path, "markdown")]
    assert texts[0].startswith("# ") and "**Question.**" in texts[0]
    assert any(text.startswith("## What we found") for text in texts)
    assert len([line for text in texts for line in text.splitlines() if line.startswith("# ")]) == 1


@each_chapter
def test_the_committed_chapter_is_that_of_its_notebook(path: Path) -> None:
    """A reader would see the outputs of other code than the one beside them."""
    assert drift.drift(path, ROOT / "book" / "chapters" / path.name) == ""


def test_drift_is_told_in_one_sentence(tmp_path: Path) -> None:
    """The check above can fail, and whoever sees it fail learns what to do; papermill's cell is no drift."""
    source, output = written(tmp_path / "09.ipynb", "1 + 1"), tmp_path / "out.ipynb"
    assert "out.ipynb is missing: `make reference`" in drift.drift(source, output)
    execute.execute(source, output, {"epochs": 3})
    assert drift.drift(source, output) == ""
    written(source, "1 + 2")
    assert re.fullmatch(r"\S+ is older than \S+, cell 3 differs: `make reference` .*", drift.drift(source, output))
    written(source, "1 + 1", "one more")
    assert "cell 4 differs" in drift.drift(source, output)


def test_a_good_chapter_is_whole_and_tidy(tmp_path: Path) -> None:
    """The book would show traces of a machine, a cell of parameters that nobody wrote, or pictures without words."""
    source = written(tmp_path / "09_good.ipynb", "assert epochs == 3\nepochs + 1", PICTURE.strip())
    output = tmp_path / "out" / "09_good.ipynb"
    seconds = execute.execute(source, output, {"edition": "smoke", "epochs": 3})
    notebook = nbformat.read(output, as_version=4)
    nbformat.validate(notebook)
    title, defaults, injected, sum_, picture = notebook.cells
    assert [cell.id for cell in notebook.cells] == [f"cell-{number:02d}" for number in range(5)]
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2, 3, 4]
    assert title.source == "# A chapter" and defaults.source == PARAMETERS
    assert "epochs = 3" in injected.source and "remove-cell" in injected.metadata["tags"]
    assert "remove-cell" not in defaults.metadata["tags"]
    assert sum_.outputs[0].data["text/plain"] == "4"
    assert picture.metadata["mystnb"] == {
        "image": {"alt": "A map of points."},
        "figure": {"name": "fig-map", "caption": "Points. Simulated patches."},
    }
    assert "papermill" not in json.dumps([notebook.metadata, *(cell.metadata for cell in notebook.cells)])
    assert not any("execution" in cell.metadata for cell in notebook.cells)
    facts = json.loads(output.with_suffix(".json").read_text("utf-8"))
    given = {"edition": "smoke", "epochs": 3, "data": "simulated"}
    assert len(facts.pop("fingerprint")) == 16 and facts.pop("code") == code_version()["code"]
    rest = {"seconds": seconds, "edition": "smoke", "parameters": given, "inputs": {}}
    assert facts == {"chapter": "09_good"} | rest
    assert sorted(path.name for path in output.parent.iterdir()) == ["09_good.ipynb", "09_good.json"]


@pytest.mark.parametrize(
    ("last", "tags", "said"),
    [
        (["x = 1", "1 / 0", "x"], {}, "ZeroDivisionError"),
        (["import sys", "sys.exit(0)", "1"], {}, "09_bad"),
        (["import sys\nsys.exit(0)"], {}, "09_bad"),
        (["import os", "os._exit(0)", "1"], {}, "09_bad"),
        (["1", "2"], {1: ["skip-execution"]}, "code cell 2 was not executed in order"),
    ],
    ids=["error", "exit", "exit at the end", "killed", "skipped"],
)
def test_a_chapter_that_is_not_whole_is_not_there(
    last: list[str], tags: dict[int, list[str]], said: str, tmp_path: Path
) -> None:
    """Half a chapter would be published as a whole one; papermill leaves it, and exits 0 on sys.exit(0)."""
    source, output = written(tmp_path / "09_bad.ipynb", *last, tags=tags), tmp_path / "out" / "09_bad.ipynb"
    with pytest.raises(ChapterError, match=said):
        execute.execute(source, output, {})
    assert list(output.parent.iterdir()) == []


def test_a_failing_chapter_leaves_the_older_one(tmp_path: Path) -> None:
    """A failed attempt would take away the chapter that was there."""
    output = tmp_path / "09.ipynb"
    output.write_text("older", "utf-8")
    with pytest.raises(ChapterError):
        execute.execute(written(tmp_path / "bad.ipynb", "1 / 0"), output, {})
    assert output.read_text("utf-8") == "older"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [({"epoch": 3}, "unknown parameter 'epoch'; did you mean 'epochs'"), ({"epochs": "three"}, "'epochs' is 'three'")],
)
def test_wrong_parameters_stop_before_any_kernel(
    parameters: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typing error would be found after hours, or never."""

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a kernel was started")

    monkeypatch.setattr(papermill, "execute_notebook", refuse)
    with pytest.raises(StudyError, match=said):
        execute.execute(written(tmp_path / "09.ipynb"), tmp_path / "out.ipynb", parameters)


@pytest.mark.parametrize("counts", [(1, 3), (2, 1), (1, None), (None,), (2,), (1, 1)])
def test_counts_out_of_order_are_not_whole(counts: tuple[int | None, ...]) -> None:
    """A chapter that was run by hand, back and forth, would be published."""
    with pytest.raises(ChapterError, match="not executed in order"):
        execute.check_whole(executed(*counts), "x")


def test_counts_in_order_are_whole() -> None:
    """No chapter would ever be published."""
    execute.check_whole(executed(1, 2, 3), "x")
    with pytest.raises(ChapterError, match="code cell 1 shows an error"):
        execute.check_whole(executed(1, error=True), "x")


@pytest.mark.parametrize("name", ["04", "04_backbones", str(ROOT / "notebooks" / "04_backbones.ipynb")])
def test_a_chapter_is_found_by_number_name_and_path(name: str) -> None:
    """A user would have to know where the files are."""
    assert notebooks.find(name, ROOT / "notebooks").name == "04_backbones.ipynb"


@pytest.mark.parametrize("name", ["99", "0", "nonsense.ipynb"])
def test_a_chapter_that_is_not_there_is_named(name: str) -> None:
    """Another chapter would be executed, or a traceback shown."""
    with pytest.raises(ChapterError, match=f"chapter is called '{name}'; there are: 01_data_exploration"):
        notebooks.find(name, ROOT / "notebooks")


def test_a_chapters_study_is_what_its_parameters_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chapter that is opened by hand would run with other parameters than its first cells set."""
    ran = ["", PARAMETERS, "# Parameters\nepochs = 3", "seed = 7"]
    monkeypatch.setattr(parameters, "get_ipython", lambda: SimpleNamespace(user_ns={"In": ran}))
    values = {"edition": "smoke", "data": "simulated", "epochs": 3, "seed": 7}
    study = parameters.study(values)
    assert (study.edition, study.epochs) == ("smoke", 3)
    assert study.seed != 7, "seed is no parameter of this chapter"
    assert parameters.study(values | {"epochs": None}).epochs == Study.load("smoke").epochs
    ran[1:] = ['edition = "lite"\nepochs = 3']  # the first cell, changed by hand
    assert parameters.study(values | {"edition": "lite"}).edition == "lite"
    assert parameters.study(values).epochs == 3
    for cell in (
        "# mine\n\nedition = 'lite'",
        "epochs = 3\nedition = 'lite'  # last",
        "edition: str = 'lite'",
        "a = edition = 'lite'",
    ):
        ran[1:] = [cell]
        assert parameters.study(values | {"edition": "lite"}).edition == "lite", cell
    ran[1:] = ["import math", "%matplotlib inline"]
    with pytest.raises(StudyError, match="no parameters cell was run; it assigns 'edition'"):
        parameters.study(values)
    ran[1:] = [PARAMETERS, "# Parameters\nepoch = 4"]
    with pytest.raises(StudyError, match="did you mean 'epochs'"):
        parameters.study(values | {"epoch": 4})


@pytest.mark.parametrize("command", ["chapter 04", "fit", "plan", "export model"])
def test_a_wrong_parameter_is_refused_before_anything_heavy_loads(command: str) -> None:
    """Whoever mistypes a name would wait for torch, timm and papermill to be told so."""
    program = f"""
import sys
from landslide_nb.cli import main
sys.argv = ["landslide-nb", *{command.split()!r}, "-p", "epoch", "3"]
try:
    main()
finally:
    print(sorted({{"torch", "timm", "papermill", "pandas"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 1 and done.stderr == "error: unknown parameter 'epoch'; did you mean 'epochs'?\n"
    assert done.stdout == "[]\n"


def test_plain_papermill_names_a_wrong_parameter(tmp_path: Path) -> None:
    """Plain papermill takes any name and any value: a chapter would run with its defaults, and look as if it had not."""
    command = [str(Path(sysconfig.get_path("scripts")) / "papermill"), "notebooks/04_backbones.ipynb"]
    for number, (wrong, expected) in enumerate(WRONG.items()):
        # One by one: kernels that start together may take one port.
        done = subprocess.run(
            [*command, str(tmp_path / f"{number}.ipynb"), "-p", "edition", "smoke", "-p", *wrong.split()],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode != 0, done.stdout
        plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)  # without a terminal's colours
        assert "StudyError: " in plain and expected in plain, plain
        first = plain.partition("Traceback (most recent call last)")[0]  # of papermill's own code, a page long
        assert expected in first and expected in plain.rstrip().splitlines()[-1], plain
