"""Processes that train stop when they are told to, and none is left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from landslide_nb.data.patches import Patches

WAITING = """
import time
from concurrent.futures import wait
from landslide_nb.common.workers import workers
def work(number):
    print("begun", flush=True)
    time.sleep(600)
if __name__ == "__main__":
    with workers(2) as pool:
        wait([pool.submit(work, number) for number in range(6)])
"""
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX has them")


def stop(process: subprocess.Popen[str], line: str, sent: signal.Signals, everyone: bool) -> str:
    """Wait for a line, send a signal, and give what is printed until nobody can print any more: all processes have ended."""
    assert process.stdout is not None
    try:
        assert any(line in printed for printed in process.stdout), "it ended before"
        (os.killpg if everyone else os.kill)(process.pid, sent)
        return process.communicate(timeout=60)[0]
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise


def start(*command: str | Path) -> subprocess.Popen[str]:
    """A process in a group of its own, which hears Ctrl-C as one that a terminal starts, whatever these tests were started by."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


@POSIX
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_process_that_they_work_for(sent: signal.Signals, tmp_path: Path) -> None:
    """They would hold memory, a GPU and the runs' locks for ever, or Ctrl-C be followed by the next run."""
    (tmp_path / "waiting.py").write_text(WAITING, "utf-8")
    printed = stop(start(sys.executable, tmp_path / "waiting.py"), "begun", sent, everyone=sent == signal.SIGINT)
    assert printed.count("begun") <= 1, "another one was begun afterwards"


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize(
    ("sent", "everyone", "code"),
    [(signal.SIGINT, True, 130), (signal.SIGTERM, True, 143), (signal.SIGTERM, False, 143)],
)
def test_fit_stops_at_once_and_says_how_it_goes_on(
    sent: signal.Signals, everyone: bool, code: int, tiny: Patches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three or four presses of Ctrl-C would be needed, one for each run that was begun, and nobody would know what is lost.

    A cluster's SIGTERM would end it without a word, but for one of Python's on leaked semaphores.
    """
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path / "store"))
    tiny.write(tmp_path / "tiny.h5")
    changes = {"data": tmp_path / "tiny.h5", "n_test": 6, "epochs": 500, "image_size": 32, "batch_size": 4}
    changes |= {"backbone": "test_resnet", "weights": "none", "backbones": {"test_resnet": "none"}}
    given = [str(part) for name, value in changes.items() for part in ("-p", name, value)]
    process = start(Path(sys.executable).parent / "landslide-nb", "fit", *given)
    printed = stop(process, "epoch 2/500", sent, everyone)
    assert process.returncode == code
    assert printed.splitlines()[-1].startswith("stopped; runs that are done are kept, and each that was begun goes on")
    assert "Traceback" not in printed and " is done" not in printed and " failed" not in printed
    assert "leaked" not in printed
    left = {path.suffix for path in (tmp_path / "store" / "runs").iterdir() if not path.name.startswith(".")}
    assert left == {".begun", ".checkpoint"}, "there is nothing to go on from"
