"""The workflows of the code host: they can be read, what they call exists, and a release is whole."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
THERE = {
    "pip",
    "jupyter-book",
    "make",
    "test",
    "timeout",
    "command",
    "gh",
}  # on the machine, or installed by a step before

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def steps(path: Path) -> list[dict[str, Any]]:
    """The steps of all jobs of a workflow."""
    return [step for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values() for step in job["steps"]]


def missing(command: str) -> list[str]:
    """What a command of a workflow calls that is not there."""
    program, *words = command.split()
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    found = [] if program in THERE or os.access(ROOT / program, os.X_OK) else [program]
    found += [word for word in words if program == "make" and word not in targets]
    files = [word for before, word in pairwise(words) if before in ("-r", "--notes-file")]
    files += [word for word in words if word.endswith("/")]
    return [*found, *(name for name in files if not (ROOT / name).exists())]


def test_there_are_three_workflows() -> None:
    """The checks below would pass on an empty folder."""
    assert [path.stem for path in WORKFLOWS] == ["book", "release", "test"]


@each_workflow
def test_what_a_workflow_calls_exists(path: Path) -> None:
    """A renamed target or file would be found after the push."""
    for step in steps(path):
        for command in step.get("run", "").splitlines():
            assert missing(command) == [], command


def test_a_missing_command_is_noticed() -> None:
    """The check above can fail."""
    assert missing("make nonsense") == ["nonsense"]
    assert missing(".ci/nonsense dist") == [".ci/nonsense"]
    assert missing("pip install -r nonsense.txt") == ["nonsense.txt"]
    assert missing("jupyter-book build nonsense/") == ["nonsense/"]


@each_workflow
def test_actions_are_pinned_and_no_secret_is_needed(path: Path) -> None:
    """Another major version would change a workflow overnight; a fork has no secrets."""
    for step in steps(path):
        assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/checkout@v1")), step
    assert "secrets." not in path.read_text("utf-8")


@each_workflow
def test_a_workflow_may_only_do_what_it_needs(path: Path) -> None:
    """A token with all rights would be at hand for every action."""
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "write" if path.stem == "release" else "read"}
    assert workflow[True], "on: is missing"  # YAML 1.1 reads `on` as a boolean
    assert all(job.get("timeout-minutes", 0) or "needs" in job for job in workflow["jobs"].values())


@pytest.mark.slow
def test_a_release_is_whole(tmp_path: Path) -> None:
    """Whoever downloads the archive could not tell whether it is all there."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("a release is named after its commit")
    if shutil.which("chromium") is None:
        pytest.skip("no `chromium` on the path, which prints the PDF (Debian: apt install chromium)")
    book = Path(sys.executable).parent / "jupyter-book"
    done = subprocess.run(
        [ROOT / ".ci" / "release", tmp_path / "dist"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"JUPYTER_BOOK": str(book)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    names = sorted(path.name for path in (tmp_path / "dist").iterdir())
    assert names[:2] == ["MANIFEST.txt", "SHA256SUMS"] and len(names) == 4
    book_pdf, archived = names[2:]
    assert archived == book_pdf.replace(".pdf", ".tar.gz")
    sums = (tmp_path / "dist" / "SHA256SUMS").read_text("utf-8").splitlines()
    assert sorted(line.split()[1] for line in sums) == ["MANIFEST.txt", book_pdf, archived]
    for line in sums:
        digest, name = line.split()
        assert hashlib.sha256((tmp_path / "dist" / name).read_bytes()).hexdigest() == digest
    _, *lines = (tmp_path / "dist" / "MANIFEST.txt").read_text("utf-8").splitlines()
    with tarfile.open(tmp_path / "dist" / archived) as archive:
        sizes = {it.name: it.size for it in archive.getmembers() if it.isfile()}
    listed = {name: int(size) for _, size, name in (line.split(" ", 2) for line in lines)}
    assert listed == sizes
    assert any(name.endswith("/index.html") for name in listed)
    pdf = (tmp_path / "dist" / book_pdf).read_bytes()
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF"), "cut off"
    assert len(re.findall(rb"/Type ?/Page\b", pdf)) > 100
    assert len(re.findall(rb"/Subtype ?/Image\b", pdf)) > 50
    for title in (b"What is in a patch", b"What replicates", b"Reproduce this", b"Bibliography"):
        assert re.search(rb"/Title \([\d. ]*" + title + rb"\)", pdf), title  # a bookmark for each heading
