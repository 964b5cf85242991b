"""The page that says how to add a backbone, a head, a row or a data set: its blocks are applied to a copy of the package and run."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```\{code-block\} (\w+)\n:caption: `?([^\n`]+)`?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TINY = {
    "simulated_patches": 72,
    "n_test": 24,
    "epochs": 1,
    "image_size": 32,
    "resamples": 100,
    "smote_per_patch": 1,
} | {
    "backbone": "mobilenetv3_small_050",
    "weights": "none",
}
# Before a block: the study that it loads is a tiny one.
START = f"""from landslide_nb.experiments.study import Study

load = Study.load
Study.load = lambda edition="smoke", **given: load(edition, **({TINY!r} | given))
del Study
"""


class Block(NamedTuple):
    """A block of code on the page."""

    language: str
    caption: str
    text: str


def sections() -> dict[str, list[Block]]:
    """The blocks of each worked example, by its heading."""
    _, *parts = re.split(r"^## ", (ROOT / "book" / "extend.md").read_text("utf-8"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: [Block(*found) for found in BLOCK.findall(part)] for part in parts}


def apply(block: Block, folder: Path) -> None:
    """Make a block's change in a copy: its lines without a plus say where, and must stand there once."""
    lines = block.text.splitlines()
    before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
    after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
    path = folder / block.caption
    text = path.read_text("utf-8") if before else ""
    assert before or not path.exists(), f"{block.caption} is there already"
    assert not before or text.count(f"\n{before}\n") + text.startswith(f"{before}\n") == 1, (
        f"{block.caption} does not have these lines once: {before}"
    )
    path.write_text(text.replace(before, after) if before else f"{after}\n", "utf-8")


def run(block: Block, folder: Path) -> str:
    """Run a block of Python as shown, on a tiny study, with the copy of the package; give what it says."""
    source = f"{START}{block.text}"
    script = folder / "script.py"  # runs are trained in processes of their own, which import this file
    script.write_text(f"if __name__ == '__main__':\n{textwrap.indent(source, '    ')}", "utf-8")
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, env=environment, cwd=folder
    )
    assert done.returncode == 0, f"{block.caption}: {done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a copy of the package."""
    shutil.copytree(ROOT / "landslide_nb", tmp_path / "landslide_nb", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)  # the rules of ruff
    return tmp_path


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "A data set" else pytest.mark.slow) for name in sections()]
)
def test_a_worked_example_works(name: str, copy: Path) -> None:
    """A reader would follow the page and end in an error."""
    for block in sections()[name]:
        if block.language == "diff":
            apply(block, copy)
        else:
            run(block, copy)
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "landslide_nb"], capture_output=True, text=True, check=False, cwd=copy
    )
    assert checked.returncode == 0, checked.stdout


def test_an_example_is_short_and_there_are_four() -> None:
    """Adding something would be work on the package, not a few lines."""
    found = sections()
    assert list(found) == ["A backbone", "A head", "A row of the ablation", "A data set"]
    for name, blocks in found.items():
        changes = [line for block in blocks if block.language == "diff" for line in block.text.splitlines()]
        changed = [line for line in changes if line.startswith(("+", "-"))]
        longest = 39 if name == "A data set" else 20  # a file of its own, half of which says where things come from
        assert 0 < len(changed) <= longest, f"{name}: {len(changed)} changed lines"
        assert any(block.language == "python" and "assert" in block.text for block in blocks), name


@pytest.mark.parametrize("block", [it for each in sections().values() for it in each if it.language == "python"])
def test_a_block_defines_what_it_uses(block: Block) -> None:
    """A reader would paste it and be told that `study` is not defined; what runs all blocks is slow."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "-"]
    checked = subprocess.run(command, input=block.text, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_a_change_that_does_not_fit_is_noticed(copy: Path) -> None:
    """The package would move on, and the page tell of lines that are gone."""
    with pytest.raises(AssertionError, match="does not have these lines once"):
        apply(Block("diff", "landslide_nb/models/heads.py", " no such line\n+new\n"), copy)
