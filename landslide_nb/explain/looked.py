"""Publishing where networks look."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from landslide_nb.common.errors import DataError, RunError
from landslide_nb.common.progress import Report
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.explain import attribution
from landslide_nb.explain.attribution import CHANCE, INPUT, Looks


def publish(studies: Mapping[str, Study], folder: Path, count: int, report: Report = print) -> int:
    """Look with the runs of some studies that the store has, and publish what is not published yet.

    Args:
        studies: by name, all of the same patches.
        folder: of published runs.
        count: how many landslides of the hold-out test are looked at.
        report: is told of each run.

    Returns:
        how many runs are published then.

    Raises:
        RunError: if the store has none of them.
        DataError: if the patches have no masks, or others were looked at.
    """
    named = {
        f"{name}, fold {fold + 1}": Run(study, fold) for name, study in studies.items() for fold in range(study.folds)
    }
    runs = {name: run for name, run in named.items() if run.done}
    if not runs:
        raise RunError(
            "none of these runs is in the store; train them first (`landslide-nb fit` with the same parameters)"
        )
    first = next(iter(runs.values()))
    places, there = attribution.chosen(first, count), attribution.read(folder)
    if there.scores and not np.array_equal(there.patches, places):
        raise DataError(
            f"{folder / attribution.FILE} is of other patches; name another folder, or look at {len(there.patches)}"
        )
    patches = first.data[0].take(places)
    scar = attribution.scars(patches)
    scores = there.scores or {CHANCE: attribution.chance(scar)}
    scores[INPUT] = attribution.score(attribution.contrast(patches.pixels), scar)
    for name, run in runs.items():
        if f"{run.published_key}/{attribution.GRADIENT}" not in scores:
            scores |= {f"{run.published_key}/{kind}": each for kind, each in attribution.look(run, patches).items()}
            attribution.write(Looks(places, scores), folder)
            report(f"{name}: has looked at {len(places)} landslides")
    return len(runs)
