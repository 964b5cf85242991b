"""Opening a chapter in Binder or Colab: what sets Binder up, and buttons only where the repository has an address."""

import importlib
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"
ADDRESS = "https://github.com/an-owner/a-name"
NAME = "04_backbones"


@pytest.fixture
def launch(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The extension that leads the buttons."""
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    yield importlib.import_module("launch")


def configuration() -> dict[str, Any]:
    """Read _config.yml."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    return read


def test_binder_installs_what_make_install_does() -> None:
    """A reader in Binder would have other versions than the book, or a Python that the package refuses."""
    (wanted,) = re.findall(r'^requires-python = "(.*)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    (version,) = re.findall(r"^python-(3\.\d+)\n$", (BINDER / "runtime.txt").read_text("utf-8"))
    assert version in SpecifierSet(wanted)
    assert os.access(BINDER / "postBuild", os.X_OK)
    commands = [line for line in (BINDER / "postBuild").read_text("utf-8").splitlines() if line.startswith("pip ")]
    in_make = re.findall(r"\(BIN\)/(pip install [^#\n]*)", (ROOT / "Makefile").read_text("utf-8"))
    plain = [re.sub(r" --(?:quiet|no-compile|no-cache-dir)\b", "", line).strip() for line in (*commands, *in_make)]
    assert plain[: len(commands)] == plain[len(commands) :]
    assert sorted(path.name for path in BINDER.iterdir()) == ["postBuild", "runtime.txt"]
    checked = subprocess.run(["bash", "-n", BINDER / "postBuild"], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_address_is_in_one_place() -> None:
    """Who publishes the book would have to look for others; a made-up one would be a dead button on every page."""
    read = configuration()
    assert read["repository"] == {"url": "", "path_to_book": "book", "branch": "main"}
    assert {"binderhub_url", "colab_url"} <= read["launch_buttons"].keys()
    assert "launch" in read["sphinx"]["config"]["extensions"]


@pytest.mark.parametrize("address", ["", ADDRESS])
def test_there_are_no_buttons_without_an_address(address: str, launch: ModuleType) -> None:
    """The theme would stop the build of a book whose repository nobody knows."""
    app = SimpleNamespace(config=SimpleNamespace(html_theme_options={"launch_buttons": {}, "repository_url": address}))
    launch.only_with_an_address(app)
    assert ("launch_buttons" in app.config.html_theme_options) == bool(address)


def test_a_button_leads_to_the_notebook(launch: ModuleType) -> None:
    """A reader would execute the published edition, for hours, with files that only its authors have."""
    buttons = [{"url": f"{ADDRESS}/lab/tree/book/chapters/{NAME}.ipynb"}]
    others = [{"url": "_sources/book/chapters/a.ipynb"}, {"javascript": "print()"}]
    entries = [
        {"label": "launch-buttons", "buttons": buttons},
        {"label": "download", "buttons": others},
        {"label": "x"},
    ]
    launch.to_the_notebook(None, NAME, "", {"header_buttons": entries}, None)
    assert buttons == [{"url": f"{ADDRESS}/lab/tree/notebooks/{NAME}.ipynb"}]
    assert others[0]["url"].endswith("book/chapters/a.ipynb")


@pytest.mark.slow
def test_the_buttons_of_a_built_page_lead_to_files_that_exist(tmp_path: Path) -> None:
    """With another version of the theme they would be gone, or lead elsewhere."""
    text = (ROOT / "_config.yml").read_text("utf-8").replace('url: ""', f"url: {ADDRESS}")
    (tmp_path / "_config.yml").write_text(text, "utf-8")
    chapters = tmp_path / "book" / "chapters"
    chapters.mkdir(parents=True)
    for name in ("_ext", "_assets"):
        shutil.copytree(ROOT / "book" / name, tmp_path / "book" / name)
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book")
    (tmp_path / "landslide_nb").symlink_to(ROOT / "landslide_nb")
    (tmp_path / "book" / "_toc.yml").write_text(
        f"format: jb-book\nroot: index\nchapters: [file: chapters/{NAME}]", "utf-8"
    )
    (tmp_path / "book" / "index.md").write_text("# Front\n", "utf-8")
    kernel = '{"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}'
    cells = '[{"cell_type": "markdown", "metadata": {}, "source": ["# A chapter"]}]'
    small = f'{{"nbformat": 4, "nbformat_minor": 4, "metadata": {kernel}, "cells": {cells}}}'
    (chapters / f"{NAME}.ipynb").write_text(small, "utf-8")
    command = [str(Path(sysconfig.get_path("scripts")) / "jupyter-book"), "build", str(tmp_path / "book")]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    page = tmp_path / "_build" / "html" / "chapters" / f"{NAME}.html"
    assert page.is_file(), built.stderr[-3000:]
    found = re.findall(r'href="(https://(?:mybinder|colab)[^"]*)"', page.read_text("utf-8"))
    (written,) = (ROOT / "notebooks").glob(f"{NAME}.ipynb")
    there = written.relative_to(ROOT).as_posix()
    owner = ADDRESS.removeprefix("https://github.com/")
    assert found == [
        f"https://mybinder.org/v2/gh/{owner}/main?urlpath=lab/tree/{there}",
        f"https://colab.research.google.com/github/{owner}/blob/main/{there}",
    ]
