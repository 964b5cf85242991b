"""Commands for scenes: a map of probabilities from a GeoTIFF, and two such maps compared."""

from pathlib import Path
from typing import Annotated

import typer

from landslide_nb.common.errors import CommandError

app = typer.Typer()


@app.command()
def map(
    model: Annotated[str, typer.Argument(help="A folder that `export` wrote; or a run, by its folder or key.")],
    output: Annotated[Path, typer.Option("-o", help="Where the map goes (GeoTIFF).")],
    scene: Annotated[
        Path | None, typer.Argument(help="A GeoTIFF, .vrt or .jp2 with the model's bands in its order; or give --band.")
    ] = None,
    band: Annotated[
        list[str] | None, typer.Option("--band", help="NAME=FILE for each band, by its name or role, as red=B4.tif.")
    ] = None,
    stride: Annotated[
        int | None, typer.Option(min=1, help="Pixels from patch to patch, and of a cell; by default half a patch.")
    ] = None,
    resolution: Annotated[float | None, typer.Option(help="Resample the scene to so many metres a pixel.")] = None,
    nodata: Annotated[
        float | None, typer.Option(help="What stands for no data, besides what the files say, as 0 or -9999.")
    ] = None,
    polygons: Annotated[Path | None, typer.Option(help="Areas above the threshold, too (GeoJSON).")] = None,
    picture: Annotated[Path | None, typer.Option(help="A quick look, too (PNG).")] = None,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Instead of the model's own.")] = None,
    stretch: Annotated[
        bool,
        typer.Option("--stretch", help="Stretch each patch to 8 bits: for a model of such pictures, on a scene in DN."),
    ] = False,
    flips: Annotated[
        bool | None,
        typer.Option(
            "--flips/--no-flips", help="Also look at the flips that the bands allow; as exported if not said."
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
) -> None:
    """Predict a whole SCENE with a MODEL and write a map of probabilities on its ground; interrupted, it goes on."""
    files = _files(scene, band or [])
    if resolution is not None and not 0 < resolution < float("inf"):
        raise CommandError(f"--resolution is {resolution:g}; expected metres, more than 0")
    outputs = [path for path in (output, polygons, picture) if path is not None]
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise CommandError("two of -o, --polygons and --picture name the same file; name one for each")
    from landslide_nb.common.files import check_writable
    from landslide_nb.common.inputs import check_output, check_raster

    read = [files] if isinstance(files, Path) else list(files.values())
    for path in outputs:
        check_writable(path)
        check_output(path, *read)
    for path in read:
        check_raster(path)
    import torch

    from landslide_nb.common.cores import at_most
    from landslide_nb.inference import areas, layout, predictions, scene_map
    from landslide_nb.inference import scene as scenes
    from landslide_nb.inference.stretched import Stretched

    if picture:
        from landslide_nb.inference import quick_look  # what is missing shows before the work
    if threads is not None:
        torch.set_num_threads(at_most(threads, lambda line: typer.echo(line, err=True)))
    for path in outputs:
        check_output(path, *predictions.folders([model]))
    ensemble = predictions.load([model], typer.echo).replace(threshold, flips)
    predictor = Stretched(ensemble) if stretch else ensemble
    data_set = predictor.data_set
    with scenes.opened(files, data_set.bands, nodata, resolution) as place:
        for path in outputs:
            check_output(path, *place.files)
        if polygons:
            areas.check_placed(place.grid, place.name)
        plan = layout.lay_out(place, data_set, stride)
        for line in layout.remarks(place, data_set):
            typer.echo(line)
        identity = f"{scene_map.identity_of(ensemble)}{' stretched' if stretch else ''}"
        with scene_map.mapped(predictor, place, output, plan, identity, typer.echo) as made:
            said = [f"{output}: {plan.summary()}"]
            if polygons:
                said.append(f"{polygons}: {areas.write(made, polygons, ensemble.threshold)}")
            if picture:
                quick_look.write(made, place, plan.stride, f"{place.name}, {data_set.title}", picture)
                said.append(f"{picture}: a quick look")
    typer.echo("\n".join(said))


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="A map that `map` wrote.")],
    after: Annotated[Path, typer.Argument(help="Another one, on the same grid.")],
    output: Annotated[Path, typer.Option("-o", help="Where the difference goes (GeoTIFF): after minus before.")],
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Instead of that of the maps.")] = None,
) -> None:
    """Write the difference of two maps of one place, and say how much is above the threshold BEFORE, AFTER, and new."""
    from landslide_nb.common.files import check_writable
    from landslide_nb.common.inputs import check_output

    check_writable(output)
    check_output(output, before, after)
    from landslide_nb.inference import scene_change

    typer.echo(f"{output}: {scene_change.compare(before, after, output, threshold)}")


def _files(scene: Path | None, bands: list[str]) -> Path | dict[str, Path]:
    """The raster of all bands, or the file of each."""
    if (scene is None) == (not bands):
        raise CommandError(
            "expected either one SCENE with all bands, or --band NAME=FILE for each; see `landslide-nb map --help`"
        )
    if scene is not None:
        return scene
    files: dict[str, Path] = {}
    for text in bands:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise CommandError(f"--band is {text!r}; expected NAME=FILE, as red=B4.tif")
        if name in files:
            raise CommandError(f"--band {name} is given twice; expected one file for each band")
        files[name] = Path(path)
    return files
