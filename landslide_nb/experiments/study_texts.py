"""What a study's data may be, what they are called, and what is wrong with a parameter, in a sentence; light to load."""

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic_core import ErrorDetails

from landslide_nb.common.source import PACKAGE
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet

if TYPE_CHECKING:
    from landslide_nb.experiments.study import Study

SIMULATED: Final = "simulated"
PUBLISHED: Final = "published"
TWINS: Final = "statistics:"
CHOSEN: Final = "LANDSLIDE_NB_PUBLISHED"  # the variable that names another folder of published runs
DATA_SET: Final = "data_set.json"


def published_folder() -> Path:
    """Where published runs are: in the repository, or where `LANDSLIDE_NB_PUBLISHED` says."""
    named = os.environ.get(CHOSEN)
    return Path(named) if named else PACKAGE.parent / "results" / "published"


def data_set_of(data: object) -> DataSet:
    """What the patches of some data are; the challenge's where they are simulated, or where nobody can look yet."""
    if data == PUBLISHED:
        path = published_folder() / DATA_SET
        return DataSet.from_json(path.read_text("utf-8")) if path.is_file() else CHALLENGE
    if not isinstance(data, str) or data == SIMULATED or data.startswith(TWINS) or not Path(data).exists():
        return CHALLENGE
    from landslide_nb.experiments import data as of_study  # noqa: PLC0415 - only data that are there need it

    return of_study.data_set_of(data)


def described(study: "Study") -> str:
    """What the patches of a study are, for its first cell."""
    of = study.data_set
    if study.simulated:
        return "**Simulated patches.**"
    if study.published:
        return f"**Real landslides**, by published predictions: {of.title}. Credit: {of.credit}."
    if study.twins:
        return (
            f"**Statistical twins.** Each patch has the statistics and the label of a real one in"
            f" `{Path(study.data).name}`; where things lie in it is simulated."
        )
    return f"Patches from `{Path(study.data).name}`: {of.title}. Credit: {of.credit}."


def sentence(error: ErrorDetails, known: tuple[str, ...]) -> str:
    """One sentence for the first of pydantic's complaints; `known` are the names of parameters."""
    name, value = ".".join(map(str, error["loc"])), error["input"]
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        return f"unknown parameter {name!r}; {hint}"
    if error["type"] == "missing":
        return f"parameter {name!r} is missing"
    if error["type"] in ("bands", "left_out"):  # said in a whole sentence
        return error["msg"]
    expected = error["msg"].removeprefix("Input should be ")
    return f"parameter {name!r} is {value!r} ({type(value).__name__}); expected {expected}"
