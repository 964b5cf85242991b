"""Commands for data: converting, simulating, describing."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def convert(folder: Path, output: Path) -> None:
    """Write the challenge's FOLDER into one HDF5 file, after checking all of it."""
    from landslide_nb.data.sources import zindi

    for name, part in zindi.convert(folder, output, typer.echo).items():
        positive = "" if part.labels is None else f", {int(part.labels.sum())} with a landslide"
        typer.echo(f"{name}: {len(part.ids)} patches{positive}")


@app.command()
def simulate(
    folder: Path,
    patches: Annotated[int, typer.Option(min=2, help="Labelled patches.")] = 1000,
    test: Annotated[int, typer.Option(min=0, help="Unlabelled patches.")] = 200,
    seed: Annotated[int, typer.Option(min=0)] = 42,
    model: Annotated[Path | None, typer.Option(help="Made by fit-simulator; the package's own if not said.")] = None,
) -> None:
    """Write a FOLDER of simulated patches in the challenge's format."""
    from landslide_nb.data.sources import zindi
    from landslide_nb.simulation.draw import Simulator, simulated_part

    zindi.check_new(folder)
    chosen = Simulator.read(model) if model else None
    labelled, hidden = (simulated_part(n, s, chosen) for n, s in ((patches, seed), (test, seed + 1)))
    zindi.write(folder, labelled, hidden, typer.echo)
    typer.echo(f"{folder}: {patches} simulated patches with labels, {test} without")


@app.command()
def statistics(source: Path, output: Path) -> None:
    """Write the 85 statistics of each labelled patch of a folder or HDF5 file SOURCE as CSV."""
    from landslide_nb.common.files import replacing
    from landslide_nb.data.patches import Patches
    from landslide_nb.data.sources import zindi
    from landslide_nb.tabular.statistics import describe

    table = describe(zindi.read(source)[0] if source.is_dir() else Patches.read(source))
    with replacing(output) as temporary:
        table.to_csv(temporary, index=False)
    typer.echo(f"{output}: {len(table)} patches")


@app.command()
def fit_simulator(table: Path, output: Path, seed: Annotated[int, typer.Option(min=0)] = 0) -> None:
    """Fit the simulator to a TABLE of real statistics (as `statistics` writes it) and write its parameters to OUTPUT."""
    from landslide_nb.simulation.fit import fit
    from landslide_nb.tabular import statistics

    rows = statistics.read(table)
    fit(rows, seed).write(output)
    typer.echo(f"{output}: fitted to {len(rows)} rows, {output.stat().st_size / 1000:.0f} kB")
