"""Many runs: what is missing is trained side by side."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

import torch

from landslide_nb.experiments.run import Result, Run
from landslide_nb.experiments.study import Study
from landslide_nb.training.distributed import processes


def fit(studies: Mapping[str, Study], report: Callable[[str], None] = print) -> dict[str, list[Result]]:
    """The results of each study, fold by fold; what is missing is trained first, side by side on a CPU's cores.

    Args:
        studies: by name.
        report: is told of each run that is done; each epoch is printed by the process that trains.

    In a script of your own, call it below `if __name__ == "__main__":`, as all that starts processes.
    """
    named = {name: [Run(study, fold) for fold in range(study.folds)] for name, study in studies.items()}
    if processes().num_processes > 1:  # they train each run together, one run after the other
        return {
            name: [run.fit(_titled(f"{name}, fold {run.fold + 1} of {run.study.folds}", report)) for run in runs]
            for name, runs in named.items()
        }
    missing = {
        run.key: (f"{name}, fold {run.fold + 1} of {run.study.folds}", run)
        for name, runs in named.items()
        for run in runs
    }
    missing = {key: found for key, found in missing.items() if not found[1].done}
    if len(missing) == 1:
        title, run = next(iter(missing.values()))
        report(f"run 1 of 1: {title}")
        run.fit(report)
    elif missing:
        _fit_side_by_side(dict(missing.values()), report)
    return {name: [run.fit() for run in runs] for name, runs in named.items()}


def _fit_side_by_side(runs: Mapping[str, Run], report: Callable[[str], None]) -> None:
    """Train runs in processes of their own: with one thread each, two cores train more than with two threads in one."""
    threads = max(run.study.threads for run in runs.values())
    workers = 1 if torch.cuda.is_available() else max(1, (os.cpu_count() or 1) // threads)
    with ProcessPoolExecutor(min(workers, len(runs)), get_context("spawn")) as pool:
        started = {pool.submit(_fit_here, run.study, run.fold, title): title for title, run in runs.items()}
        for number, done in enumerate(as_completed(started), 1):
            report(f"run {number} of {len(runs)} is done: {started[done]}, {done.result():.0f} s")


def _fit_here(study: Study, fold: int, title: str) -> float:
    return Run(study, fold).fit(_titled(title, lambda line: print(line, flush=True))).seconds


def _titled(title: str, report: Callable[[str], None]) -> Callable[[str], None]:
    return lambda line: report(f"  {title}: {line}")
