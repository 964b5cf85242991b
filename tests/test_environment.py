"""pip, conda and the lock file install the same study: pyproject.toml leads, the other two follow."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PIP_NAMES = {"pytorch": "torch"}  # conda-forge's name -> the name in pyproject.toml
ADDRESS = re.compile(r"://|index-url|find-links|pypi|anaconda", re.IGNORECASE)

Specifiers = dict[str, SpecifierSet]


def pyproject() -> dict[str, Any]:
    """Read pyproject.toml, the source of all names and versions."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def conda() -> dict[str, Any]:
    """Read environment.yml."""
    environment: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    return environment


def conda_entries() -> list[str]:
    """List what environment.yml asks of conda-forge."""
    return [entry for entry in conda()["dependencies"] if isinstance(entry, str)]


def pip_entries() -> list[str]:
    """List what environment.yml leaves to pip."""
    return [line for part in conda()["dependencies"] if isinstance(part, dict) for line in part["pip"]]


def lock_entries() -> list[str]:
    """List the requirements of the lock file, each with its hashes on one line."""
    lines = (ROOT / "requirements.lock").read_text("utf-8").replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith(("#", " "))]


def specifiers(requirements: Iterable[str]) -> Specifiers:
    """Map each package's normalised name to its versions, and refuse a package that is named twice."""
    parsed = [Requirement(requirement) for requirement in requirements]
    found = {canonicalize_name(requirement.name): requirement.specifier for requirement in parsed}
    assert len(found) == len(parsed), f"named twice: {sorted(requirement.name for requirement in parsed)}"
    return {str(name): specifier for name, specifier in found.items()}


def run_time() -> Specifiers:
    """Give what the study needs to run: Python, and the dependencies of the package and of the book."""
    project = pyproject()["project"]
    book = project["optional-dependencies"]["book"]
    return specifiers([f"python{project['requires-python']}", *project["dependencies"], *book])


def everything() -> Specifiers:
    """Give all that pyproject.toml names: to run, to develop and to build; a package's limits are joined."""
    file = pyproject()
    extras = file["project"]["optional-dependencies"].values()
    wanted = specifiers(file["project"]["dependencies"])
    for group in (*extras, file["build-system"]["requires"]):
        for name, versions in specifiers(group).items():
            wanted[name] = wanted.get(name, SpecifierSet()) & versions
    return wanted


def from_conda(entry: str) -> str:
    """Translate an entry as conda reads it into a requirement as pip reads it."""
    spec = rattler.MatchSpec(entry, strict=True)
    assert spec.name is not None, f"environment.yml: {entry!r} names no package"
    return f"{PIP_NAMES.get(spec.name.normalized, spec.name.normalized)}{spec.version or ''}"


@pytest.mark.parametrize("entry", conda_entries())
def test_conda_can_read_each_entry(entry: str) -> None:
    """`conda env create` would stop at an entry that is not a match specification, or go to another channel."""
    spec = rattler.MatchSpec(entry, strict=True)
    assert spec.channel is None
    assert spec.build is None


def test_conda_uses_one_channel() -> None:
    """A second channel would mix builds that do not fit together."""
    assert conda()["channels"] == ["conda-forge"]


def test_conda_and_pip_install_the_same() -> None:
    """A user of conda would lack a package, or get other versions, and so other numbers, than a user of pip."""
    entries = [from_conda(entry) for entry in conda_entries() if entry != "pip"]
    lines = [line for line in pip_entries() if line != "-e ."]
    assert specifiers([*entries, *lines]) == run_time()


def test_conda_installs_the_package_itself() -> None:
    """`import landslide_nb` would fail in an activated conda environment."""
    assert "pip" in conda_entries()
    assert pip_entries()[-1] == "-e ."


def test_lock_file_holds_all_of_pyproject() -> None:
    """An install from the lock file would lack a package, or hold a version that pyproject.toml excludes."""
    locked = specifiers(entry.split("--hash=")[0] for entry in lock_entries())
    for name, wanted in everything().items():
        assert name in locked, f"requirements.lock lacks {name}; compile it again"
        (pin,) = locked[name]
        assert wanted.contains(pin.version, prereleases=True), f"requirements.lock: {name}{pin}, expected {wanted}"


def test_lock_file_pins_and_hashes() -> None:
    """One line without an exact version or a hash, and pip refuses the whole lock file."""
    for entry in lock_entries():
        requirement, *hashes = (part.strip() for part in entry.split("--hash="))
        assert re.fullmatch(r"[\w.-]+==[\w.!+]+(\s*;.*)?", requirement), f"requirements.lock: {requirement!r} is no pin"
        assert hashes, f"requirements.lock: no hash for {requirement}"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), f"{requirement}: {hashes}"


def test_the_book_alone_is_built_by_the_same_versions() -> None:
    """A reader's book would differ from ours, or lack a package; torch would take gigabytes for pages that are there."""
    lines = (ROOT / "book" / "requirements.txt").read_text("utf-8").splitlines()
    pins = specifiers(line for line in lines if line and not line.startswith("#"))
    locked = specifiers(entry.split("--hash=")[0] for entry in lock_entries())
    assert {name: locked.get(name) for name in pins} == pins
    assert not pins.keys() & {"torch", "timm", "landslide-nb"}
    of_the_book = {"jupyter-book", "sphinx-mathjax-offline"}  # what pyproject.toml names for it
    assert of_the_book <= pins.keys()
    assert all(pins[name] == run_time()[name] for name in of_the_book)


@pytest.mark.parametrize("name", ["requirements.lock", "environment.yml", "book/requirements.txt"])
def test_no_registry_is_named(name: str) -> None:
    """A user behind a mirror would be sent around it by a host or an index option in these files."""
    found = [line for line in (ROOT / name).read_text("utf-8").splitlines() if ADDRESS.search(line)]
    assert not found
