"""Simulated patches are the same bytes, and their runs have the same key, whatever processor computes them."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# Few patches are rendered; many rows' values are solved for, as only those of unusual moments show how LAPACK rounds.
PROGRAM = """
import hashlib, json
from threadpoolctl import threadpool_info
from landslide_nb.simulation.maxent import quantiles
from landslide_nb.simulation.draw import draw
from landslide_nb.tabular.statistics import COLUMNS, MOMENTS, SIGNALS, describe
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study

moments = draw(400, seed=42)[[f"{signal}_{moment}" for signal in SIGNALS for moment in MOMENTS]].to_numpy()
run = Run(Study.load("smoke", simulated_patches=48, n_test=8), 0)
hashed = {
    "values": quantiles(moments.reshape(-1, len(MOMENTS)), 256),
    "statistics": describe(run.data[0])[list(COLUMNS)].to_numpy(),
}
made = {name: hashlib.sha256(array.tobytes()).hexdigest()[:16] for name, array in hashed.items()}
made |= {"fingerprint": run.data[0].fingerprint, "key": run.key}
kernels = {info["architecture"] for info in threadpool_info() if info["internal_api"] == "openblas"}
print(json.dumps([sorted(kernels), made]))
"""
# What this processor has beyond what numpy always uses, and how to do without, in all three libraries.
FOUND: list[str] = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
OLD = {
    "NPY_DISABLE_CPU_FEATURES": " ".join(FOUND),
    "NUMBA_CPU_NAME": "generic",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4",
}


def made_with(kernel: str, threads: int, folder: Path, processor: dict[str, str]) -> dict[str, str]:
    """What a process makes whose OpenBLAS, threads and processor are these; nothing is read from another's store."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    chosen = {"OPENBLAS_CORETYPE": kernel, "LANDSLIDE_NB_STORE": str(folder)} | dict.fromkeys(names, str(threads))
    environment = os.environ | chosen | processor
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kernels, made = json.loads(done.stdout.splitlines()[-1])
    if kernels != [kernel]:
        pytest.skip(f"asked for OpenBLAS's kernel for {kernel}, got {kernels or 'another library'}")
    return dict(made)


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the kernels are those of x86 processors")
def test_any_machine_gives_the_same_bytes(tmp_path: Path) -> None:
    """No run could be found again on another machine, and no score on simulated patches be repeated there."""
    machines = {
        "Sandybridge, one thread": made_with("Sandybridge", 1, tmp_path / "a", {}),
        "Haswell, two threads, an old processor": made_with("Haswell", 2, tmp_path / "b", OLD),
    }
    if "X86_V4" in FOUND:  # others would stop at the first instruction of AVX-512
        machines["SkylakeX, two threads"] = made_with("SkylakeX", 2, tmp_path / "c", {})
    first = next(iter(machines.values()))
    assert {name: made for name, made in machines.items() if made != first} == {}, first
