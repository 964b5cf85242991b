"""landslide-nb: data in, chapters and runs out. An error is one sentence and an exit code that is not 0."""

import sys
from ast import literal_eval
from pathlib import Path
from typing import Annotated, Any

import typer

from landslide_nb.errors import LandslideError, StudyError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
TAKES_PARAMETERS = {"allow_extra_args": True, "ignore_unknown_options": True}  # for papermill's own `-p NAME VALUE`
# Commands import what they need when they run: torch and the book's tools take seconds to load.


@app.command()
def convert(folder: Path, output: Path) -> None:
    """Write the challenge's FOLDER into one HDF5 file, after checking all of it."""
    from landslide_nb.data import zindi

    for name, part in zindi.convert(folder, output).items():
        positive = "" if part.labels is None else f", {int(part.labels.sum())} with a landslide"
        typer.echo(f"{name}: {len(part.ids)} patches{positive}")


@app.command()
def simulate(
    folder: Path,
    patches: Annotated[int, typer.Option(min=2, help="Labelled patches.")] = 1000,
    test: Annotated[int, typer.Option(min=0, help="Unlabelled patches.")] = 200,
    seed: Annotated[int, typer.Option(min=0)] = 42,
) -> None:
    """Write a FOLDER of simulated patches in the challenge's format."""
    from landslide_nb.data import zindi
    from landslide_nb.data.patches import Patches
    from landslide_nb.data.simulate import simulate as simulated

    zindi.check_new(folder)
    labelled = simulated(patches, seed)
    hidden = simulated(test, seed + 1)
    zindi.write(folder, labelled, Patches(hidden.ids, hidden.pixels))
    typer.echo(f"{folder}: {patches} simulated patches with labels, {test} without")


@app.command()
def statistics(source: Path, output: Path) -> None:
    """Write the 85 statistics of each labelled patch of a folder or HDF5 file SOURCE as CSV."""
    from landslide_nb.data import zindi
    from landslide_nb.data.patches import Patches, replacing
    from landslide_nb.data.statistics import describe

    table = describe(zindi.read(source)[0] if source.is_dir() else Patches.read(source))
    with replacing(output) as temporary:
        table.to_csv(temporary, index=False)
    typer.echo(f"{output}: {len(table)} patches")


@app.command(context_settings=TAKES_PARAMETERS)
def fit(context: typer.Context) -> None:
    """Train every run that the chapters need and that is not there yet.

    Parameters of the study are given as in papermill, for example -p edition lite -p seed 7.
    """
    from landslide_nb import runs
    from landslide_nb.study import Study

    results = runs.fit(Study.load(**_parameters(context.args)).experiments())
    typer.echo(f"{sum(map(len, results.values()))} runs are there")


@app.command(context_settings=TAKES_PARAMETERS)
def chapter(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A chapter: 04, 04_backbones, or a path.")],
    output: Annotated[
        Path | None, typer.Option("-o", help="Where it goes; build/chapters/NAME.ipynb if not said.")
    ] = None,
    notebooks: Annotated[Path, typer.Option(help="Where the chapters are.")] = Path("notebooks"),
) -> None:
    """Execute one chapter strictly: it is whole, or it is not there.

    Parameters of the study are given as in papermill, for example -p edition lite -p epochs 3.
    """
    from landslide_nb import chapters

    source = chapters.find(name, notebooks)
    target = output or Path("build/chapters") / source.name
    seconds = chapters.execute(source, target, _parameters(context.args))
    typer.echo(f"{target}: {seconds:.0f} s")


@app.command()
def pages(folder: Path, edition: str = "smoke", commit: str = "unknown") -> None:
    """Write the book's generated pages and its cover into FOLDER, beside its executed chapters."""
    from landslide_nb import chapters

    (folder / "parameters.md").write_text(chapters.parameters_page())
    (folder / "cover.png").write_bytes(chapters.cover(chapters.find("01", folder)))
    (folder / "about_this_build.md").write_text(chapters.build_page(folder, edition, commit))


def _parameters(arguments: list[str]) -> dict[str, Any]:
    """The study's parameters from `-p NAME VALUE …`; values are read as Python where they can be, else as text."""
    if len(arguments) % 3 or any(flag != "-p" for flag in arguments[::3]):
        raise StudyError(f"cannot read {' '.join(arguments)!r}; expected parameters as -p NAME VALUE, once for each")
    return {name: _value(text) for name, text in zip(arguments[1::3], arguments[2::3], strict=True)}


def _value(text: str) -> Any:
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def main() -> None:
    """Run the command line; our own errors become one sentence on standard error and exit code 1."""
    try:
        app()
    except LandslideError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
