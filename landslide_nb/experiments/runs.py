"""Many runs: what is missing is trained side by side."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Final

import torch

from landslide_nb.common.cores import at_most, cores
from landslide_nb.common.errors import LandslideError, RunError, Stopped, reason
from landslide_nb.common.progress import Report, in_time
from landslide_nb.common.workers import workers
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.training.distributed import processes

STOPPED: Final = (
    "runs that are done are kept, and each that was begun goes on from its last epoch when it is asked for again"
)


def fit(studies: Mapping[str, Study], report: Report = print, weights: bool = False) -> dict[str, list[Result]]:
    """The results of each study, fold by fold; what is missing is trained first, side by side on a CPU's cores.

    Args:
        studies: by name.
        report: is told of each run that is done; each epoch is printed by the process that trains.
        weights: whether trained weights are needed: a run whose predictions are published is trained all the same.

    In a script of your own, call it below `if __name__ == "__main__":`, as all that starts processes.
    """
    train(studies, report, weights)
    return {name: [run.fit() for run in _runs(study)] for name, study in studies.items()}


def train(studies: Mapping[str, Study], report: Report = print, weights: bool = False) -> int:
    """Train what is missing of each study, and read nothing of it; what is published is missing only where weights are needed.

    Returns:
        how many distinct runs the studies have.

    Raises:
        RunError: naming the first run that failed, as soon as it has; runs that wait are not begun then.
    """
    named: dict[str, tuple[str, Run]] = {}
    for name, study in studies.items():
        for run in _runs(study):  # of several names for a run, the first counts
            named.setdefault(run.key, (f"{name}, fold {run.fold + 1} of {study.folds}", run))
    train_runs({title: run for title, run in named.values() if weights or not run.published}, report)
    return len(named)


def train_runs(named: Mapping[str, Run], report: Report = print) -> None:
    """Train those of some runs, each under a title of its own, that are not there.

    Ctrl-C stops all that trains, and what waits is not begun.

    Raises:
        StudyError: before any training, if a network cannot be used on patches of its run's size.
        RunError: naming the first run that failed, as soon as it has; runs that wait are not begun then.
    """
    try:
        _train_runs(named, report)
    except KeyboardInterrupt:
        report(f"stopped; {STOPPED}")
        raise Stopped(STOPPED) from None


def _train_runs(named: Mapping[str, Run], report: Report) -> None:
    missing = {title: run for title, run in named.items() if not run.done}
    if missing:
        from landslide_nb.models.backbones import check  # noqa: PLC0415 - timm loads for seconds, and is not needed to read runs
    for run in missing.values():
        check(run.study.backbone, run.study.seen, run.study.image_size)
    if missing:
        at_most(max(run.study.threads for run in missing.values()), report)
    if processes().num_processes > 1:  # they train each run together, one run after the other
        for title, run in named.items():
            with _named(title):
                run.train(_titled(title, report))
    elif len(missing) == 1:
        title, run = next(iter(missing.items()))
        report(f"run 1 of 1: {title}")
        with _named(title):
            run.train(report)
    elif missing:
        _train_side_by_side(missing, report)


def _runs(study: Study) -> list[Run]:
    return [Run(study, fold) for fold in range(study.folds)]


def _train_side_by_side(runs: Mapping[str, Run], report: Report) -> None:
    """Train runs in processes of their own: with one thread each, two cores train more than with two threads in one."""
    threads = at_most(max(run.study.threads for run in runs.values()))
    together = 1 if torch.cuda.is_available() else cores() // threads
    waiting, training, number = iter(runs.items()), dict[Future[float], str](), 0
    started = time.perf_counter()

    def begin(pool: Executor, count: int) -> None:
        """Give the pool no more than it can begin now: what waits in it cannot all be taken back."""
        for title, run in islice(waiting, count):
            training[pool.submit(_train_here, run.study, run.fold, title)] = title

    try:
        with workers(min(together, len(runs))) as pool:
            begin(pool, together)
            while training:
                for done in wait(training, return_when=FIRST_COMPLETED).done:
                    number, title = number + 1, training[done]
                    seconds = _seconds(done, title, f"run {number} of {len(runs)}", report)
                    del training[done]
                    left = (time.perf_counter() - started) / number * (len(runs) - number)
                    about = f"; about {in_time(left)} left" if left else ""
                    report(f"run {number} of {len(runs)} is done: {title}, {seconds:.0f} s{about}")
                    begin(pool, 1)
    except BrokenProcessPool as error:
        killed = [title for future, title in training.items() if isinstance(future.exception(), BrokenProcessPool)]
        raise RunError(_killed(killed)) from error


def _seconds(done: Future[float], title: str, number: str, report: Report) -> float:
    """The seconds that a run took; raises for one that failed, after its reason was reported."""
    try:
        return done.result()
    except BrokenProcessPool:  # of several runs, nobody knows which was killed
        raise
    except Exception as error:
        report(f"{number} failed: {title}: {str(error).removeprefix(f'{title}: ')}")
        if isinstance(error, LandslideError):
            raise
        raise RunError(f"{title}: {type(error).__name__}: {error}; runs that are done are kept") from error


def _killed(titles: Sequence[str]) -> str:
    """What there is to say of runs whose process has ended without a word."""
    apart = "train one at a time (`landslide-nb fit --only`), or " if len(titles) > 1 else ""
    return (
        f"the process that trained {' or '.join(titles)} was killed, most likely for want of memory: {apart}take a smaller"
        " batch_size or image_size; runs that are done are kept, and what was begun goes on from its last epoch"
    )


def _train_here(study: Study, fold: int, title: str) -> float:
    started = time.perf_counter()
    with _named(title):
        Run(study, fold).train(_titled(title, lambda line: print(line, flush=True)))
    return time.perf_counter() - started


@contextmanager
def _named(title: str) -> Iterator[None]:
    """Say which run has failed where the error is the run's own; what is wrong of a parameter is so of all runs."""
    try:
        yield
    except RunError as error:
        raise RunError(f"{title}: {error}") from error
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise RunError(
            f"{title}: there is not memory enough ({reason(error)}); take a smaller batch_size or image_size"
        ) from error


def _titled(title: str, report: Report) -> Report:
    return lambda line: report(f"  {title}: {line}")
