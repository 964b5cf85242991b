"""What the tests share: simulated patches, a challenge folder, the command line, and the real data where it is."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from landslide_nb.cli import main
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.data.sources import zindi
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.models.encoders import Backbone
from landslide_nb.simulation.draw import simulate

REAL = Path(__file__).parents[2] / "shared" / "data"
CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


class Command(Protocol):
    """The command line: takes arguments, gives the finished process."""

    def __call__(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run `landslide-nb` with these arguments."""


@dataclass(frozen=True, eq=False)
class Known(Run):
    """A run whose network is given, not trained."""

    network: Backbone
    scaler: Scaler

    def model(self) -> tuple[Backbone, Scaler]:
        """The given network."""
        return self.network, self.scaler


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file may grow above some bytes, as on a disk that is full."""
    resource = pytest.importorskip("resource", reason="only Unix limits what a process may write")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def pytest_configure() -> None:
    """No test may fetch weights; the hub's client reads this once, when a test module imports it."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # waiting threads spin, and slow what runs beside them


@pytest.fixture(scope="session", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of kept results, for tests only: never the one of the user."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDSLIDE_NB_STORE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real data, which is not part of the project."""
    if not REAL.is_dir():
        pytest.skip("the real data is not at ../shared/data")
    return REAL


@pytest.fixture(scope="session")
def tiny() -> Patches:
    """Twenty-four simulated patches, half of them with a landslide; not to be changed."""
    return simulate(24, seed=7, positive_rate=0.5)


@pytest.fixture
def folder(tiny: Patches, tmp_path: Path) -> Path:
    """A challenge folder of six labelled and three unlabelled patches."""
    hidden = tiny.take(np.arange(6, 9))
    zindi.write(tmp_path / "challenge", tiny.take(np.arange(6)), Patches(hidden.ids, hidden.pixels))
    return tmp_path / "challenge"


@pytest.fixture(scope="session")
def trained(tiny: Patches, store: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Both folds of a network of seconds, trained on the tiny patches."""
    path = tmp_path_factory.mktemp("trained") / "tiny.h5"
    tiny.write(path)
    network = {"backbone": "test_resnet", "weights": "none", "image_size": 32, "learning_rate": 1e-2}
    study = Study.load("smoke", str(path), n_test=6, folds=2, epochs=2, batch_size=4, **network)
    runs = [Run(study, fold) for fold in range(2)]
    for run in runs:
        run.fit()
    return runs


@pytest.fixture(scope="session")
def command() -> Command:
    """The installed `landslide-nb`, as a user starts it."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        script = Path(sys.executable).parent / "landslide-nb"
        return subprocess.run([script, *arguments], capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The same in this process: no second is spent on starting one."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        words = ["landslide-nb", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", words)
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        return subprocess.CompletedProcess(words, code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    if CHROMIUM is None:
        pytest.skip("no `chromium` on the path (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
