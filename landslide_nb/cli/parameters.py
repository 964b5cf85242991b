"""Parameters of a study on the command line, given as to papermill: `-p NAME VALUE`.

They are checked before a command imports what takes seconds to load.
"""

from ast import literal_eval
from types import NoneType, UnionType
from typing import Any, Final, Literal, get_args, get_origin

from landslide_nb.common.errors import StudyError
from landslide_nb.experiments.study import Study

GIVEN: Final = tuple(sorted(set(Study.model_fields) - {"data_set"}))  # by name, those that can be

TAKES_PARAMETERS: Final[dict[str, Any]] = {  # of a command, for typer
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
    "options_metavar": "[OPTIONS] [-p NAME VALUE]...",
    "epilog": f"Each parameter is given as -p NAME VALUE, for example -p edition lite -p seed 7: {', '.join(GIVEN)}."
    " `landslide-nb parameters` says what each is, and what the editions set.",
}


def parameters(arguments: list[str]) -> dict[str, Any]:
    """The study's parameters from `-p NAME VALUE …`; a text stays as it was typed, other values are read as Python.

    Raises:
        StudyError: if the arguments are anything else.
    """
    if len(arguments) % 3 or any(flag != "-p" for flag in arguments[::3]):
        raise StudyError(f"cannot read {' '.join(arguments)!r}; expected parameters as -p NAME VALUE, once for each")
    return {name: _value(name, text) for name, text in zip(arguments[1::3], arguments[2::3], strict=True)}


def study(arguments: list[str]) -> Study:
    """The study of a command's parameters.

    Raises:
        StudyError: as `parameters` and `Study.load` do.
    """
    return Study.load(**parameters(arguments))


def _value(name: str, text: str) -> Any:
    """What was typed, as the parameter's type wants it: 2023_07, 0123 and 1e5 are names of files too."""
    kinds = _kinds(name)
    if NoneType in kinds and text == "None":
        return None
    if kinds and all(kind is str or get_origin(kind) is Literal for kind in kinds - {NoneType}):
        return text
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _kinds(name: str) -> set[Any]:
    """The types of a parameter: `str | None` is two; none of an unknown one."""
    field = Study.model_fields.get(name)
    if field is None:
        return set()
    return set(get_args(field.annotation)) if isinstance(field.annotation, UnionType) else {field.annotation}
