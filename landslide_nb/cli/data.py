"""Commands for data: converting, simulating, describing."""

from pathlib import Path
from typing import Annotated

import typer

from landslide_nb.common.seeds import LARGEST_SEED

app = typer.Typer()


@app.command()
def convert(
    folder: Path,
    output: Path,
    kind: Annotated[str | None, typer.Option(help="zindi, landslide4sense or masks; recognised if not said.")] = None,
    patch: Annotated[
        int | None, typer.Option(help="Pixels a side of the squares that images are cut into: 64.")
    ] = None,
    positive_share: Annotated[
        float | None, typer.Option(help="A patch is positive from this share of landslide pixels on: 0.01.")
    ] = None,
    positive_rate: Annotated[
        float | None, typer.Option(help="Thin the class that is too frequent until this rate is positive.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=LARGEST_SEED, help="Of the thinning: 42.")] = None,
    bands: Annotated[str | None, typer.Option(help="By role, in order: red,green,blue.")] = None,
    unit: Annotated[
        str | None, typer.Option(help="DN, dB, 8 bit, relative, m or °; one, or one for each band. PNG: 8 bit.")
    ] = None,
    keys: Annotated[str | None, typer.Option(help="Of image and mask in HDF5 files with several arrays.")] = None,
    block: Annotated[int | None, typer.Option(help="How many consecutive image numbers are one group: 40.")] = None,
    regions: Annotated[
        str | None, typer.Option(help="First image number of each further region, as 3031,3320.")
    ] = None,
    nodata: Annotated[
        float | None, typer.Option(help="What stands for no data, as -9999 or nan: patches that have it are left out.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Of the data set.")] = None,
    credit: Annotated[str | None, typer.Option(help="Whom to name.")] = None,
    licence: Annotated[str | None, typer.Option(help="Of the data.")] = None,
) -> None:
    """Write FOLDER, the challenge's, Landslide4Sense or images with masks, into one HDF5 file, after checking all of it."""
    from landslide_nb.data.sources import registry
    from landslide_nb.data.sources.options import Options

    cut = {"patch": patch, "positive_share": positive_share, "positive_rate": positive_rate, "seed": seed}
    described = {"bands": bands, "unit": unit, "keys": keys, "block": block, "regions": regions, "nodata": nodata}
    options = Options.of(**cut, **described, title=title, credit=credit, licence=licence)
    converted = registry.convert(folder, output, options, kind, typer.echo)
    for name, part in converted.parts.items():
        counts = [f"{len(part.ids)} patches"]
        counts += [] if part.labels is None else [f"{int(part.labels.sum())} with a landslide"]
        for what, names in (("groups", part.groups), ("regions", part.regions)):
            counts += [] if names is None else [f"{len(set(names.tolist()))} {what}"]
        typer.echo(f"{name}: {', '.join(counts)}")
    for note in converted.notes:
        typer.echo(note)


@app.command()
def simulate(
    folder: Path,
    patches: Annotated[int, typer.Option(min=2, help="Labelled patches.")] = 1000,
    test: Annotated[int, typer.Option(min=0, help="Unlabelled patches.")] = 200,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED)] = 42,
    model: Annotated[Path | None, typer.Option(help="Made by fit-simulator; the package's own if not said.")] = None,
) -> None:
    """Write a FOLDER of simulated patches in the challenge's format."""
    from landslide_nb.common.files import check_new
    from landslide_nb.data.sources import zindi
    from landslide_nb.simulation.draw import Simulator, simulated_part

    check_new(folder)
    chosen = Simulator.read(model) if model else None
    labelled, hidden = (simulated_part(n, s, chosen) for n, s in ((patches, seed), (test, seed + 1)))
    zindi.write(folder, labelled, hidden, typer.echo)
    typer.echo(f"{folder}: {patches} simulated patches with labels, {test} without")


@app.command()
def statistics(source: Path, output: Path) -> None:
    """Write the 85 statistics of each labelled patch of a folder or HDF5 file SOURCE as CSV."""
    from landslide_nb.common.files import replacing
    from landslide_nb.common.inputs import check_output
    from landslide_nb.data.patches import Patches
    from landslide_nb.data.sources import zindi
    from landslide_nb.tabular.statistics import describe

    check_output(output, source)
    with replacing(output) as temporary:
        table = describe(zindi.read(source)[0] if source.is_dir() else Patches.read(source))
        table.to_csv(temporary, index=False)
    typer.echo(f"{output}: {len(table)} patches")


@app.command()
def fit_simulator(table: Path, output: Path, seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED)] = 0) -> None:
    """Fit the simulator to a TABLE of real statistics (as `statistics` writes it) and write its parameters to OUTPUT."""
    from landslide_nb.common.files import check_writable
    from landslide_nb.common.inputs import check_output
    from landslide_nb.simulation.fit import fit
    from landslide_nb.tabular import statistics

    check_output(output, table)
    check_writable(output)
    rows = statistics.read(table)
    fit(rows, seed).write(output)
    typer.echo(f"{output}: fitted to {len(rows)} rows, {output.stat().st_size / 1000:.0f} kB")
