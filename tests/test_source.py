"""The code that a result depends on: what is in it, and what changes its hash."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from landslide_nb.common import source
from landslide_nb.experiments.code import TRAINING

MODULES = {
    "__init__.py": "",
    "room/__init__.py": '"""A room."""\n',
    "room/entry.py": "from landslide_nb.room.used import value\nfrom landslide_nb.other import late\n\nprint(value, late)\n",
    "room/used.py": '"""Used."""\n\nvalue = 1  # a comment\n\n\ndef half(x):\n    """Half of it."""\n    return x / 2\n',
    "room/unused.py": "value = 2\n",
    "other/__init__.py": "from landslide_nb.common import errors\n",
    "other/late.py": "def load():\n    import landslide_nb.other.within\n\n    return landslide_nb.other.within\n",
    "other/within.py": "x = '# no comment'\n",
    "common/__init__.py": "",
    "common/errors.py": "class Wrong(Exception): ...\n",
}
ENTRY = "landslide_nb.room.entry"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of a few modules in place of this one."""
    folder = tmp_path / "landslide_nb"
    for name, text in MODULES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    monkeypatch.setattr(source, "PACKAGE", folder)
    monkeypatch.setattr(source, "COMMON", folder / "common")
    forget()
    yield folder
    forget()


def forget() -> None:
    """Look at the files again, as another process would."""
    source.files_of.cache_clear()
    source.code_of.cache_clear()


def code(module: str = ENTRY) -> str:
    """The hash as of now."""
    forget()
    return source.code_of(module)


def names(folder: Path, module: str = ENTRY) -> set[str]:
    """The files that a module depends on."""
    forget()
    return {path.relative_to(folder).as_posix() for path in source.files_of(module)}


def test_files_are_those_that_are_imported(package: Path) -> None:
    """A change of code that a run needs would go unnoticed, or one of a chapter train all runs anew."""
    expected = {"room/__init__.py", "room/entry.py", "room/used.py"}
    assert names(package) == expected | {"other/__init__.py", "other/late.py", "other/within.py"}


@pytest.mark.parametrize(
    "line",
    [
        "import landslide_nb.room.own",
        "from landslide_nb.room import own",
        "from landslide_nb.room.own import net",
        "from . import own",
        "from .own import net",
        "def later():\n    from .own import net",
    ],
)
def test_a_module_of_the_users_own_counts(line: str, package: Path) -> None:
    """Who changes a network of their own would be shown the results of before."""
    before = code()
    (package / "room" / "own.py").write_text("net = 1\n", "utf-8")
    assert code() == before, "nobody imports it"
    (package / "room" / "__init__.py").write_text(f"{line}\n", "utf-8")
    assert "room/own.py" in names(package)
    with_it = code()
    (package / "room" / "own.py").write_text("net = 2\n", "utf-8")
    assert len({before, with_it, code()}) == 3


def test_relative_imports_reach_other_rooms(package: Path) -> None:
    """A module that is imported from two folders up would not count."""
    (package / "room" / "unused.py").write_text("from ..other.late import load\nfrom .. import other\n", "utf-8")
    assert names(package, "landslide_nb.room.unused") >= {"other/late.py", "other/within.py"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("room/used.py", '"""Other."""\n\nvalue = 1\n\n\ndef half(x):\n    """Half.\n\n    # more\n    """\n    return x / 2\n'),
        ("room/used.py", "# first\nvalue = 1  # another\ndef half(x):\n\n    # inside\n    return x / 2"),
        ("room/unused.py", "value = 3\n"),
        ("common/errors.py", "class Wrong(ValueError): ...\n"),
        ("room/__init__.py", ""),
    ],
    ids=["docstrings", "comments", "a module that is not used", "an error's kind", "a room's docstring"],
)  # fmt: skip
def test_what_changes_no_number_changes_no_hash(name: str, text: str, package: Path) -> None:
    """A better sentence in a comment would train all runs anew, for days."""
    before = code()
    (package / name).write_text(text, "utf-8")
    assert code() == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("room/used.py", "value = 1", "value = 3"),
        ("room/used.py", "x / 2", "x // 2"),
        ("room/used.py", "    return", "    x = x + 1\n    return"),
        ("other/within.py", "# no comment", "# another text"),
        ("other/late.py", "    return landslide_nb.other.within", '    "a text, no docstring"\n    return 1'),
        ("other/__init__.py", "errors", "lock"),
    ],
    ids=["a number", "an operator", "a line", "a text that looks like a comment", "a function", "a room"],
)
def test_what_changes_numbers_changes_the_hash(name: str, old: str, new: str, package: Path) -> None:
    """Results of old code would be shown as those of the new."""
    before, text = code(), (package / name).read_text("utf-8")
    assert old in text
    (package / name).write_text(text.replace(old, new), "utf-8")
    assert code() != before


def test_a_text_of_many_lines_is_code(package: Path) -> None:
    """A line of a template that begins with # would be taken for a comment, and its change go unnoticed."""
    (package / "room" / "used.py").write_text('value = """\n# Title one\n"""\n', "utf-8")
    before = code()
    (package / "room" / "used.py").write_text('value = """\n# Title two\n"""\n', "utf-8")
    assert code() != before


def test_a_module_that_moves_is_another(package: Path) -> None:
    """Two modules that exchange their names would pass for the same code."""
    before = code()
    used, within = ((package / name).read_text("utf-8") for name in ("room/used.py", "other/within.py"))
    (package / "room" / "used.py").write_text(within, "utf-8")
    (package / "other" / "within.py").write_text(used, "utf-8")
    assert code() != before


def test_a_run_depends_on_what_it_is_made_by_and_on_no_chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chapter's wording would train all runs anew; or a change of a loss, a network or a backbone of one's own none."""
    forget()
    rooms = {path.relative_to(source.PACKAGE).parts[0] for path in source.files_of(TRAINING)}
    assert rooms == {"augment", "data", "models", "similarity", "training"}
    copy = tmp_path / "landslide_nb"
    shutil.copytree(source.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = code(TRAINING)
    monkeypatch.setattr(source, "PACKAGE", copy)
    monkeypatch.setattr(source, "COMMON", copy / "common")
    assert code(TRAINING) == before, "it depends on where the package lies"
    (copy / "chapters" / "c02" / "findings.py").write_text("text = 1\n", "utf-8")
    assert code(TRAINING) == before
    (copy / "models" / "own.py").write_text("width = 8\n", "utf-8")
    rooms_own = copy / "models" / "__init__.py"
    rooms_own.write_text(rooms_own.read_text("utf-8") + "from landslide_nb.models import own as own\n", "utf-8")
    with_own = code(TRAINING)
    (copy / "models" / "own.py").write_text("width = 16\n", "utf-8")
    assert len({before, with_own, code(TRAINING)}) == 3
    forget()
