"""Compiled code loads where nothing can be written beside it, and is not loaded where nothing compiled is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from landslide_nb.common import compiled, store
from landslide_nb.common.errors import DataError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the package nor the user's cache can be written: they lie below a file."""
    (tmp_path / "file").write_text("", "utf-8")
    for name in (compiled.VARIABLE, "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(compiled, "PACKAGE", tmp_path / "file")


def test_a_read_only_place_has_a_cache_elsewhere(nowhere: None) -> None:
    """In a container every command would end in numba's RuntimeError, "no locator available"."""
    compiled.choose_cache()
    folder = Path(os.environ[compiled.VARIABLE])
    assert folder.is_dir() and folder.name.startswith("landslide-nb-numba-")
    compiled.choose_cache()
    assert Path(os.environ[compiled.VARIABLE]) == folder, "processes that this one starts would each compile anew"
    compiled._remove(str(folder), os.getpid() + 1)  # in a process that was forked
    assert folder.is_dir()
    compiled._remove(str(folder), os.getpid())
    assert not folder.exists()


@pytest.mark.parametrize("writable", ["named", "beside", "user's"])
def test_a_cache_that_stays_is_kept(
    writable: str, nowhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything would be compiled anew each time."""
    if writable == "named":
        monkeypatch.setenv(compiled.VARIABLE, str(tmp_path / "new"))
    elif writable == "beside":
        monkeypatch.setattr(compiled, "PACKAGE", tmp_path)
        monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new"))
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "new"))
    before = os.environ[compiled.VARIABLE]
    compiled.choose_cache()
    assert os.environ[compiled.VARIABLE] == before


def test_who_has_no_home_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user would see a traceback."""

    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)
    for name in ("LANDSLIDE_NB_STORE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(store, "__file__", str(tmp_path / "site-packages" / "landslide_nb" / "common" / "store.py"))
    assert compiled._of_user() is None
    with pytest.raises(DataError, match="you have no home to keep results in; name a folder as LANDSLIDE_NB_STORE"):
        store.store()


@pytest.mark.parametrize("module", ["inference.predictions", "experiments.inventory"])
def test_prediction_and_the_list_of_runs_load_no_kernels(module: str) -> None:
    """They would wait for numba, or fail with it, and need nothing of it."""
    program = f"import sys, landslide_nb.{module}; print({{'numba', 'umap'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True, cwd=ROOT)
    assert done.stdout == "set()\n"
