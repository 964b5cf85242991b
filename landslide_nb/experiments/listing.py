"""All parameters of a study as a list: name, type, meaning, and what each edition sets, from the fields of `Study` themselves."""

import textwrap
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from landslide_nb.experiments.study import EDITIONS, Study
from landslide_nb.training.settings import Settings

WIDTH: Final = 100
KINDS: Final = {str: "text", int: "whole number", float: "number", bool: "True or False", NoneType: "None"}
LIMITS: Final = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
GROUPS: Final = {
    "Of a training run": tuple(name for name in Settings.model_fields if name != "data_set"),
    "Of the study": tuple(name for name in Study.model_fields if name not in Settings.model_fields),
}


class Parameter(NamedTuple):
    """What there is to know of a parameter.

    Attributes:
        name: as `-p` takes it.
        kind: its type and limits, in words.
        meaning: a sentence.
        values: what each edition sets.
    """

    name: str
    kind: str
    meaning: str
    values: dict[str, str]


def parameters() -> dict[str, list[Parameter]]:
    """All parameters that can be given, by group."""
    editions = {edition: Study.load(edition) for edition in EDITIONS}

    def parameter(name: str) -> Parameter:
        field = Study.model_fields[name]
        values = {edition: _shown(getattr(study, name)) for edition, study in editions.items()}
        return Parameter(name, _kind(field), field.description or "", values)

    return {title: [parameter(name) for name in names] for title, names in GROUPS.items()}


def text() -> str:
    """All parameters as plain text, for a terminal."""
    lines = ["Each is given as -p NAME VALUE, once for each; what is not given is as the edition (-p edition) has it."]
    for title, listed in parameters().items():
        lines += ["", title]
        for name, kind, meaning, values in listed:
            distinct = set(values.values())
            each = ", ".join(
                f"{'/'.join(of for of in values if values[of] == it)} {it}" for it in dict.fromkeys(values.values())
            )
            lines += ["", f"  {name}: {kind}; {distinct.pop() if len(distinct) == 1 else each}"]
            lines += textwrap.wrap(meaning.replace("`", ""), WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


def _kind(field: FieldInfo) -> str:
    """The type of a parameter in words, and between what it has to be."""
    limits = [
        f"{sign} {getattr(it, name):g}" for it in field.metadata for name, sign in LIMITS.items() if hasattr(it, name)
    ]
    return ", ".join([_words(field.annotation), *limits])


def _words(annotation: Any) -> str:
    if isinstance(annotation, UnionType):
        return " or ".join(map(_words, get_args(annotation)))
    if get_origin(annotation) is Literal:
        return " or ".join(get_args(annotation))
    if get_origin(annotation) is dict:
        return "{text: text, …}"
    if get_origin(annotation) is tuple:
        return f"[{_words(get_args(annotation)[0])}, …]"
    return KINDS[annotation]


def _shown(value: object) -> str:
    """A parameter's value in a line: long texts and lists are only hinted at."""
    if isinstance(value, dict) or (isinstance(value, tuple) and not any(isinstance(it, float) for it in value)):
        return f"{len(value)} of them" if value else "none"
    return "a sentence on every page" if isinstance(value, str) and " " in value else str(value)
