"""What is dear to compute is kept under all that determines it, and processes take turns."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import Timeout
from hypothesis import given, settings
from hypothesis import strategies as st

from landslide_nb.common.cache import Arrays, kept_arrays, key_of, path_of
from landslide_nb.common.lock import held, lock
from landslide_nb.common.store import store

PARTS: dict[str, Any] = {
    "array": np.arange(6, dtype=np.int32).reshape(2, 3),
    "text": "a",
    "number": 1,
    "bytes": b"ab",
    "mapping": {"x": 1, "y": [2, None, 0.5]},
}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with nothing in it."""
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path))
    return tmp_path


def test_the_same_values_give_the_same_key() -> None:
    """A result could not be found again in another process, or on another machine: the key is known beforehand."""
    array: Any = PARTS["array"]
    again = dict(reversed(PARTS.items())) | {"mapping": {"y": [2, None, 0.5], "x": 1}, "array": array.copy()}
    turned = np.asfortranarray(array)
    assert key_of(**again) == key_of(**again | {"array": turned}) == key_of(**PARTS) == "bd0340aa3a1b71b3d4ae"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("array", np.arange(6, dtype=np.int32).reshape(3, 2)),
        ("array", np.arange(6, dtype=np.int64).reshape(2, 3)),
        ("array", np.arange(6, dtype=np.int32).view(np.float32).reshape(2, 3)),
        ("array", np.arange(6, dtype=">i4").reshape(2, 3)),
        ("array", np.array([[0, 1, 2], [3, 4, 6]], np.int32)),
        ("array", np.arange(6, dtype=np.int32).reshape(2, 3).T.reshape(2, 3)),
        ("array", [[0, 1, 2], [3, 4, 5]]),
        ("text", "b"),
        ("text", None),
        ("number", 2),
        ("number", 1.5),
        ("number", "1"),
        ("bytes", b"ac"),
        ("mapping", {"x": 1, "y": [2, None, 0.25]}),
        ("mapping", {"x": 1}),
        ("one more", 1),
    ],
)
def test_a_key_depends_on_every_part(name: str, value: object) -> None:
    """The result of something else would be shown: of other pixels, or of another number of neighbours."""
    assert key_of(**PARTS | {name: value}) != key_of(**PARTS)


@pytest.mark.parametrize("name", PARTS)
def test_a_key_depends_on_the_names(name: str) -> None:
    """Two parameters that exchange their values would give the same result."""
    without = {other: value for other, value in PARTS.items() if other != name}
    assert len({key_of(**PARTS), key_of(**without), key_of(**without | {"other": PARTS[name]})}) == 3


@settings(max_examples=100, deadline=None)
@given(*[st.dictionaries(st.sampled_from("abc"), st.one_of(st.text(), st.integers(), st.none()))] * 2)
def test_unlike_values_have_unlike_keys(first: dict[str, object], second: dict[str, object]) -> None:
    """What stands in a text could pass for another parameter."""
    assert (key_of(**first) == key_of(**second)) == (first == second)


class Making:
    """Makes arrays, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Arrays:
        """Arrays that say how often they were made."""
        self.times += 1
        return {"times": np.array([self.times]), "pixels": np.arange(12, dtype=np.float32).reshape(3, 4)}


def test_what_is_kept_is_made_once(kept: Path) -> None:
    """Minutes of neighbours would be computed in each chapter anew."""
    make = Making()
    first, again = kept_arrays("things", "key", make), kept_arrays("things", "key", make)
    assert make.times == 1 and first.keys() == again.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(again[name], value)
        assert again[name].dtype == value.dtype
    kept_arrays("things", "other", make)
    kept_arrays("others", "key", make)
    assert make.times == 3
    assert path_of("things", "key", ".npz").is_file()
    assert sorted(path.name for path in (kept / "things").iterdir()) == ["key.npz", "other.npz"]


def cut(path: Path) -> None:
    """A disk was full."""
    path.write_bytes(path.read_bytes()[:-40])


def empty(path: Path) -> None:
    """Nothing was written."""
    path.write_bytes(b"")


def text(path: Path) -> None:
    """Something else lies there."""
    path.write_text("no archive", "utf-8")


def flip(path: Path) -> None:
    """A disk is damaged: a byte of an array is another."""
    content = bytearray(path.read_bytes())
    content[content.index(np.float32(7).tobytes())] ^= 1
    path.write_bytes(content)


def pickled(path: Path) -> None:
    """Objects, which could run code when they are read."""
    np.savez(path, times=np.array([{"a": 1}], object))
    path.with_name(f"{path.name}.npz").unlink(missing_ok=True)


@pytest.mark.parametrize("damage", [cut, empty, text, flip, pickled])
def test_a_damaged_file_is_made_again(damage: Callable[[Path], None], kept: Path) -> None:
    """A disk that was full once would stop the study for good, or its damage go into the results."""
    make, path = Making(), path_of("things", "key", ".npz")
    kept_arrays("things", "key", make)
    damage(path)
    assert kept_arrays("things", "key", make)["times"] == 2
    assert kept_arrays("things", "key", make)["times"] == 2


def test_a_file_that_does_not_fit_is_made_again(kept: Path) -> None:
    """A file that is whole but not what it should be would be believed."""
    make, path = Making(), path_of("things", "key", ".npz")

    def fits(found: Arrays) -> bool:
        return "times" in found and found["times"].shape == (1,)

    kept_arrays("things", "key", make, fits)
    assert kept_arrays("things", "key", make, fits)["times"] == 1
    for other in ({"times": np.zeros(2)}, {"pixels": np.zeros(1)}):
        np.savez(path, **other)  # type: ignore[arg-type]
        made = make.times
        assert kept_arrays("things", "key", make, fits)["times"] == made + 1
        assert kept_arrays("things", "key", make, fits)["times"] == made + 1


def test_what_fails_leaves_nothing(kept: Path) -> None:
    """Half a result would be read as a whole one, or files pile up that nobody reads."""

    def fail() -> Arrays:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        kept_arrays("things", "key", fail)
    assert not list(kept.rglob("*.npz"))
    assert not [path for path in kept.rglob("*") if path.is_file()]


# Adds its number to a file, slowly: without turns, one of two processes overwrites what the other has added.
PROGRAM = """
import sys, time
from pathlib import Path
from landslide_nb.common.lock import lock
path = Path(sys.argv[1])
for _ in range(10):
    with lock("turns"):
        before = path.read_text()
        time.sleep(0.01)
        path.write_text(before + sys.argv[2])
"""
HOLDS = """
import time
from landslide_nb.common.lock import lock
with lock("busy"):
    print("held", flush=True)
    time.sleep(60)
"""


def started(*arguments: str) -> "subprocess.Popen[str]":
    """Another process with the same store."""
    return subprocess.Popen([sys.executable, "-c", *arguments], stdout=subprocess.PIPE, text=True, env=dict(os.environ))


def test_two_processes_take_turns(kept: Path) -> None:
    """Two chapters that train the same run would overwrite each other's checkpoint."""
    path = kept / "log"
    path.write_text("", "utf-8")
    others = [started(PROGRAM, str(path), name) for name in "ab"]
    assert [other.wait() for other in others] == [0, 0]
    assert sorted(path.read_text("utf-8")) == ["a"] * 10 + ["b"] * 10


def test_a_lock_goes_with_its_process(kept: Path) -> None:
    """A process that was killed would keep all others waiting for ever."""
    assert not held("busy") and not (kept / "locks").exists(), "to ask leaves a trace"
    with started(HOLDS) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        assert held("busy") and not held("idle")
        begun = time.monotonic()
        with pytest.raises(Timeout), lock("busy", timeout=0.2):
            pass
        assert 0.1 < time.monotonic() - begun < 30
        other.kill()
        other.wait()
    assert not held("busy")
    with lock("busy", timeout=0), lock("idle", timeout=0):
        assert held("busy")
    assert store() == kept
