"""Text is UTF-8 wherever it is read or written: what one machine writes reads the same on another, whatever its locale."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [
    path
    for room in ("landslide_nb", "benchmarks", "tests", "book/_ext")
    for path in sorted((ROOT / room).rglob("*.py"))
]
AT = {"read_text": 0, "write_text": 1}  # where the encoding is among the arguments
OTHERS = {"Image", "rasterio", "tarfile", "tab", "webbrowser"}  # whose `open` knows no encoding
ASCII = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONIOENCODING": ""}


def in_the_locales(source: str) -> list[str]:
    """The calls that read or write text in whatever encoding the machine has."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or any(keyword.arg in ("encoding", None) for keyword in node.keywords):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        modes = [*node.args[: 1 if owner else 2], *(it.value for it in node.keywords if it.arg == "mode")]
        binary = any(isinstance(it, ast.Constant) and "b" in str(it.value) for it in modes)
        opens = name == "open" and owner not in OTHERS and not binary
        if opens or (name in AT and len(node.args) <= AT[name]):
            found.append(ast.unparse(node))
    return found


def ascii_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line where the locale knows ASCII only."""
    script = Path(sys.executable).parent / "landslide-nb"
    environment = os.environ | ASCII
    return subprocess.run(
        [script, *arguments], env=environment, capture_output=True, encoding="utf-8", check=False, cwd=ROOT
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_text_is_utf_8(path: Path) -> None:
    """Under another locale runs would be "old code", or a bundle's own page be unreadable; ruff sees only some of these."""
    assert in_the_locales(path.read_text("utf-8")) == []


def test_a_missing_encoding_is_noticed() -> None:
    """The check above can fail."""
    wrong = [
        "path.read_text()",
        "path.write_text(text)",
        "path.open()",
        "path.open('w', newline='')",
        "open(path, 'a')",
    ]
    right = [
        "path.read_text('utf-8')",
        "path.open('rb')",
        "open(path, encoding='utf-8')",
        "Image.open(path)",
        "a.open(mode='wb')",
    ]
    assert in_the_locales("\n".join([*wrong, *right])) == wrong


def test_tables_are_the_same_under_any_locale(tmp_path: Path) -> None:
    """The committed numbers would be others, or a traceback, on a machine whose locale is not UTF-8."""
    done = ascii_command("numbers", "book/chapters", tmp_path)
    assert done.returncode == 0, done.stderr
    for path in sorted(tmp_path.glob("*.csv")):
        assert path.read_bytes() == (ROOT / "results" / "book" / path.name).read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="a console of Windows is UTF-8")
def test_a_terminal_of_few_letters_is_no_error() -> None:
    """`convert --help` would end in a traceback for the sign of a degree."""
    done = ascii_command("convert", "--help")
    assert done.returncode == 0 and "m or ?" in re.sub(r"[\s|]+", " ", done.stdout), done.stderr
