"""Publishing runs: what the store has of a study goes into the repository, small."""

from collections.abc import Mapping
from pathlib import Path

from landslide_nb.common.errors import RunError
from landslide_nb.common.progress import Report
from landslide_nb.experiments import archive, comparisons, grids
from landslide_nb.experiments.archive import Published
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study


def publish(studies: Mapping[str, Study], where: Path, report: Report = print) -> int:
    """Publish the runs of some studies that the store has; heads are fitted on the embeddings of the best network.

    Args:
        studies: by name, all of the same patches.
        where: the folder of published runs.
        report: is told of each study, and of runs that are missing.

    Returns:
        how many runs were published.

    Raises:
        RunError: if the store has none of them.
    """
    count = 0
    for name, study in studies.items():
        done = [run for run in (Run(study, fold) for fold in range(study.folds)) if run.done]
        for run in done:
            archive.write_patches(run.known[0], where)
            _publish(run, where)
        count += len(done)
        report(f"{name}: {len(done)} of {study.folds} runs")
    if not count:
        raise RunError(
            "none of these runs is in the store; train them first (`landslide-nb fit` with the same parameters)"
        )
    return count


def _publish(run: Run, where: Path) -> None:
    """Publish one run of the store, unless that has been done."""
    study, result = run.study, run.fit()
    record = run.record | {"run_seconds": result.seconds}
    if archive.same(run.published_key, record, where):
        return
    with_heads = study.settings == grids.best(study).settings
    decisions = dict(comparisons.head_decisions(result, study, run.known[0].known_labels)) if with_heads else {}
    published = Published(record, result.history, result.log_odds, result.best_log_odds, decisions)
    archive.write(run.published_key, published, where)
