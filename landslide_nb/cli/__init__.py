"""landslide-nb: data in, chapters and runs out. An error is one sentence and an exit code that is not 0."""

import sys
from io import TextIOWrapper

import typer

from landslide_nb.cli import book, data, inference, scenes, training
from landslide_nb.cli.group import Commands, ended_as_asked, warned_once
from landslide_nb.common.errors import LandslideError

# Commands import what they need when they run: torch and the book's tools take seconds to load.
app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)
for group in (data, training, inference, scenes, book):
    app.add_typer(group.app)


def main() -> None:
    """Run the command line; our own errors become one sentence on standard error and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what a terminal has no letter for becomes a question mark
            stream.reconfigure(errors="replace")
    with ended_as_asked(), warned_once():
        try:
            app(prog_name="landslide-nb")
        except LandslideError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)
