"""Parameters of a study on the command line, given as to papermill: `-p NAME VALUE`.

They are checked before a command imports what takes seconds to load.
"""

from ast import literal_eval
from typing import Any, Final

from landslide_nb.common.errors import StudyError
from landslide_nb.experiments.study import Study

TAKES_PARAMETERS: Final = {"allow_extra_args": True, "ignore_unknown_options": True}  # of a command, for typer


def parameters(arguments: list[str]) -> dict[str, Any]:
    """The study's parameters from `-p NAME VALUE …`; values are read as Python where they can be, else as text.

    Raises:
        StudyError: if the arguments are anything else.
    """
    if len(arguments) % 3 or any(flag != "-p" for flag in arguments[::3]):
        raise StudyError(f"cannot read {' '.join(arguments)!r}; expected parameters as -p NAME VALUE, once for each")
    return {name: _value(text) for name, text in zip(arguments[1::3], arguments[2::3], strict=True)}


def study(arguments: list[str]) -> Study:
    """The study of a command's parameters.

    Raises:
        StudyError: as `parameters` and `Study.load` do.
    """
    return Study.load(**parameters(arguments))


def _value(text: str) -> Any:
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text
