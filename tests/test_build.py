"""Settings reach a build as they were typed or are refused, and a clone may lie in any folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from landslide_nb.cli.parameters import parameters
from landslide_nb.publish import hurry

ROOT = Path(__file__).parents[1]
MAKE = shutil.which("make")
PARTS = ("Snakefile", "_config.yml", "notebooks", "book", "landslide_nb")
# Says what it was called with; of the study's commands and Jupyter Book, it leaves the files that they would leave.
STUB = """#!/bin/sh
printf '%s ' "$(basename "$0")" "$@" >> "$CALLS"; echo >> "$CALLS"
case "$1" in
chapter) mkdir -p "$(dirname "$4")"; echo {} > "$4"; echo {} > "${4%.ipynb}.json";;
pages) for name in parameters.md about_this_build.md scorecard.md answer.txt hurry.txt table2.txt PICTURES; do echo > "$2/$name"; done;;
build) for last in "$@"; do :; done; mkdir -p "$last/_build/html"; echo book > "$last/_build/html/index.html";;
esac
"""


def checkout(folder: Path) -> Path:
    """A folder that looks like a clone."""
    folder.mkdir()
    for part in PARTS:
        (folder / part).symlink_to(ROOT / part)
    return folder


def stub(path: Path) -> None:
    """A program that only says what it was called with."""
    path.unlink(missing_ok=True)
    path.write_text(STUB.replace("PICTURES", " ".join(map(hurry.file, hurry.PICTURES))), encoding="utf-8")
    path.chmod(0o755)


def snakemake(folder: Path, *config: str, python: Path = Path(sys.executable), dry: bool = True) -> tuple[int, str]:
    """How Snakemake ends with these settings, and what it says."""
    command = [str(python), "-m", "snakemake", *(("-n", "-p") if dry else ()), "--cores", "2", "--config", *config]
    libraries = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    environment = os.environ | {"PYTHONPATH": libraries, "CALLS": str(folder / "calls")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
    return done.returncode, done.stdout + done.stderr


def test_texts_stay_as_they_were_typed(tmp_path: Path) -> None:
    """A folder called 2023_07 would be 202307, one called 0123 be 123, and a quote in a name end the shell's."""
    ends, said = snakemake(
        checkout(tmp_path / "a"),
        "data=2023_07",
        "weights=o'brien.pth",
        "statistics=0123",
        "backbones={'resnet18':'none'}",
    )
    assert ends == 0, said
    assert "fit -p edition smoke -p data 2023_07 -p weights 'o'\"'\"'brien.pth' -p statistics 0123 -p backbones" in said


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (("editon=",), "unknown parameter 'editon'; did you mean 'edition'?"),
        (("jobs=run",), "jobs is 'run'; expected jobs=runs"),
        (
            ("edition=lite", "--config", "epochs=3"),
            "--config is given more than once, and only the last one would count",
        ),
    ],
)
def test_a_setting_that_would_be_dropped_is_refused(config: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    """Plain smoke would be built without a word."""
    ends, said = snakemake(checkout(tmp_path / "a"), *config)
    assert ends == 1 and expected in said


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("data", "2023_07", "2023_07"),
        ("weights", "0123", "0123"),
        ("statistics", "1e5", "1e5"),
        ("statistics", "None", None),
        ("data", "None", "None"),
        ("scaling", "1", "1"),
        ("epochs", "3", 3),
        ("missing_rate", "0.5", 0.5),
        ("mixup", "True", True),
        ("channels", "indices", "indices"),
        ("backbones", "{'resnet18': 'none'}", {"resnet18": "none"}),
        ("svm_c", "[1.0]", [1.0]),
        ("epoch", "3", 3),
    ],
)
def test_a_value_is_read_as_its_parameter_wants_it(name: str, typed: str, value: object) -> None:
    """A file called 1e5 would be the number 100000.0."""
    assert parameters(["-p", name, typed]) == {name: value}


@pytest.mark.skipif(MAKE is None, reason="no `make` on the path")
def test_make_hands_its_settings_on(tmp_path: Path) -> None:
    """A quote in a path would break the shell's, and a misspelt setting build another edition."""
    stub(tmp_path / "snakemake")
    dry = [str(MAKE), "-o", "install", "-o", ".venv/.installed", "book", f"BIN={tmp_path}"]

    def make(*settings: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"CALLS": str(tmp_path / "calls")}
        return subprocess.run(
            [*dry, *settings], cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False
        )

    done = make("DATA=o'brien's \"patches\".h5")
    assert done.returncode == 0, done.stderr
    assert "edition=smoke data=o'brien's \"patches\".h5 statistics= patch=" in (tmp_path / "calls").read_text("utf-8")
    wrong = make("EDITON=lite")
    assert wrong.returncode == 2 and "unknown setting EDITON; expected EDITION DATA" in wrong.stderr


def project(folder: Path, wanted: str) -> Path:
    """A clone of what an install needs, for Pythons of these versions."""
    (folder / ".ci").mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", ".ci/check-python"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "pyproject.toml").write_text(f'[project]\nrequires-python = "{wanted}"\n', "utf-8")
    return folder


@pytest.mark.skipif(MAKE is None, reason="no `make` on the path")
@pytest.mark.parametrize("wanted", [">=3.99", ">=3.2,<3.3"])
def test_an_unsupported_python_is_refused_at_once(wanted: str, tmp_path: Path) -> None:
    """Pip would complain of hashes, after a minute and a half, and leave an environment that no right Python repairs."""
    folder = project(tmp_path / "clone", wanted)
    command = [str(MAKE), "install", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2 and not (folder / ".venv").exists()
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    here = ".".join(map(str, sys.version_info[:2]))
    assert f" is Python {here}; this project needs {wanted}: install one" in said and "Traceback" not in done.stderr


@pytest.mark.skipif(MAKE is None, reason="no `make` on the path")
@pytest.mark.parametrize("python", ["/nonexist/python", "python3.99"])
def test_a_python_that_is_not_there_is_named(python: str, tmp_path: Path) -> None:
    """`make: /nonexist/python: No such file or directory` says neither which setting is wrong nor what to give."""
    folder = project(tmp_path / "clone", ">=3.2")
    command = [str(MAKE), "install", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2 and not (folder / ".venv").exists()
    said = [line for line in done.stderr.splitlines() if "***" not in line]  # of make itself, at whatever level
    assert said == [
        f"error: there is no program {python}; name a Python that is there, as in `make install PYTHON=python3.11`"
    ]


@pytest.mark.parametrize(("version", "stays"), [("{0}.{1}.7", True), ("3.2.1", False)])
def test_an_environment_of_another_python_goes(version: str, stays: bool, tmp_path: Path) -> None:
    """The next try, with a right Python, would go on in the environment of the wrong one."""
    folder = project(tmp_path / "clone", ">=3.2")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "pyvenv.cfg").write_text(
        f"home = /usr\nversion = {version.format(*sys.version_info)}\n", "utf-8"
    )
    subprocess.run([sys.executable, folder / ".ci" / "check-python", folder / ".venv"], check=True)
    assert (folder / ".venv").exists() == stays


def test_a_clone_may_lie_in_any_folder(tmp_path: Path) -> None:
    """The first rule would fail where a folder's name has a space or a quote, after the whole install."""
    folder = checkout(tmp_path / "my o'wn clone")
    venv.create(folder / ".venv", symlinks=True)
    bin_ = folder / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    for name in ("landslide-nb", "jupyter-book"):
        stub(bin_ / name)
    ends, said = snakemake(folder, "edition=smoke", python=bin_ / "python", dry=False)
    assert ends == 0, said
    calls = (folder / "calls").read_text("utf-8").splitlines()
    assert "seconds: runs " in said, said
    assert [line.split()[1] for line in (calls[0], *calls[-2:])] == ["fit", "pages", "build"]
    assert (folder / "build" / "smoke" / "_build" / "html" / "index.html").read_text("utf-8") == "book\n"
