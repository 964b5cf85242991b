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
    from landslide_nb.data import zindi
    from landslide_nb.data.simulate import Simulator, simulated_part

    zindi.check_new(folder)
    chosen = Simulator.read(model) if model else None
    labelled, hidden = (simulated_part(n, s, chosen) for n, s in ((patches, seed), (test, seed + 1)))
    zindi.write(folder, labelled, hidden, typer.echo)
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


@app.command()
def stack(
    table: Annotated[Path, typer.Argument(help="Labelled statistics, as `statistics` writes them.")],
    new: Annotated[Path, typer.Argument(help="Such a table with labels or without, an HDF5 file, or a folder.")],
    output: Annotated[Path, typer.Option("-o", help="Where the predictions go (CSV).")],
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Fit LightGBM and an SVM to a labelled TABLE of statistics and predict the patches of NEW (chapter 06).

    All is fitted on TABLE, the threshold too. Where NEW has labels, its F1 and AUROC are said.
    """
    from landslide_nb.analysis import predict
    from landslide_nb.data import statistics
    from landslide_nb.data.patches import replacing

    told = predict.apply(statistics.read(table), statistics.load(new), seed)
    with replacing(output) as temporary:
        told.to_csv(temporary, index=False)
    typer.echo(predict.said(told))


@app.command()
def fit_simulator(table: Path, output: Path, seed: Annotated[int, typer.Option(min=0)] = 0) -> None:
    """Fit the simulator to a TABLE of real statistics (as `statistics` writes it) and write its parameters to OUTPUT."""
    from landslide_nb.data import statistics
    from landslide_nb.data.fit_simulator import fit

    rows = statistics.read(table)
    fit(rows, seed).write(output)
    typer.echo(f"{output}: fitted to {len(rows)} rows, {output.stat().st_size / 1000:.0f} kB")


@app.command(context_settings=TAKES_PARAMETERS)
def fit(
    context: typer.Context,
    only: Annotated[str | None, typer.Option(help="One run, by its name in `plan --names`.")] = None,
) -> None:
    """Train every run that the chapters need and that is not there yet, then measure the speed of each backbone.

    Parameters of the study are given as in papermill, for example -p edition lite -p seed 7.
    """
    from landslide_nb import plan, runs
    from landslide_nb.models.processes import processes
    from landslide_nb.models.speed import speed
    from landslide_nb.study import Study

    study = Study.load(**_parameters(context.args))
    if only is not None:
        plan.job(study, only).fit(lambda line: typer.echo(f"{only}: {line}"))
        return
    results = runs.fit(study.experiments())
    if processes().is_main_process:
        typer.echo(f"{sum(map(len, results.values()))} runs are there")
        for compared in study.by_backbone().values():  # when nothing trains beside it any more
            speed(compared.settings, typer.echo)


@app.command()
def predict(
    models: Annotated[list[str], typer.Argument(help="A folder that `export` wrote; or runs, by their folder or key.")],
    source: Annotated[Path, typer.Argument(help="A folder with Test.csv, a folder of .npy files, or an HDF5 file.")],
    output: Annotated[Path, typer.Option("-o", help="Where the predictions go (CSV).")],
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Write ID,probability,low,high (lowest and highest of the folds).")
    ] = False,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Instead of the model's own.")] = None,
    flips: Annotated[
        bool | None,
        typer.Option("--flips/--no-flips", help="Also look at the flips that radar allows; as exported if not said."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out patches that are not as they should be.")
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
) -> None:
    """Predict the patches of SOURCE with MODELS and write them as the challenge's submission; no training data is needed."""
    import torch

    from landslide_nb import predictions
    from landslide_nb.data import stream
    from landslide_nb.data.patches import replacing

    if threads is not None:
        torch.set_num_threads(threads)
    with replacing(output) as temporary:  # so what cannot be written shows now
        ensemble = predictions.load(models, typer.echo).but(threshold, flips)
        told = predictions.predict(ensemble, stream.find(source), skip_bad, typer.echo)
        if probabilities:
            told.write_probabilities(temporary)
        else:
            told.write(temporary, ensemble.threshold)
    typer.echo(f"{output}: {told.said(ensemble.threshold)}")


@app.command(context_settings=TAKES_PARAMETERS)
def export(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(help="A new folder.")],
    network: Annotated[
        str, typer.Option(help="An experiment, as `plan` lists them; `ensemble`: the whole of chapter 09.")
    ] = "best",
    onnx: Annotated[bool, typer.Option("--onnx", help="Write each network as ONNX too.")] = False,
) -> None:
    """Write all folds of one experiment into a folder that `predict` and other people can use.

    Parameters of the study are given as in papermill, for example -p edition smoke.
    """
    from landslide_nb import exported
    from landslide_nb.analysis.export import pack
    from landslide_nb.data import zindi
    from landslide_nb.study import Study

    zindi.check_new(output)
    ensemble, card = pack(Study.load(**_parameters(context.args)), network, typer.echo)
    exported.write(ensemble, output, card, onnx)
    typer.echo(f"{output}: {card.name}, {len(ensemble.folds)} folds, threshold {ensemble.threshold:.3f}")


@app.command()
def check_submission(file: Path, sample: Path) -> None:
    """Compare a submission FILE with the challenge's SampleSubmission.csv: header, IDs, their order, labels."""
    from landslide_nb import submission

    typer.echo(f"{file}: {submission.check(file, sample)} rows, as {sample} asks for")


@app.command(context_settings=TAKES_PARAMETERS)
def plan(
    context: typer.Context,
    tflops: Annotated[
        float | None, typer.Option(min=1e-3, help="What a GPU sustains, in TFLOP/s; 40 if not said.")
    ] = None,
    names: Annotated[bool, typer.Option(help="Only the names of the runs, as `fit --only` takes them.")] = False,
) -> None:
    """Say what `fit` with the same parameters would train and what that costs; no data is needed, nothing is trained."""
    from landslide_nb import plan
    from landslide_nb.study import Study

    study = Study.load(**_parameters(context.args))
    typer.echo("\n".join(plan.jobs(study)) if names else plan.text(study, tflops or plan.TFLOPS))


@app.command()
def runs(
    prune: Annotated[
        bool, typer.Option(help="Remove runs of other code or libraries, and what broken ones left.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="With --prune: only say what would go.")] = False,
) -> None:
    """List the runs in the store."""
    from landslide_nb import kept

    found = [run for run in kept.kept() if run.needless or not prune]
    typer.echo(kept.table(found))
    if prune:
        sizes = [run.megabytes for run in found]  # before they go
        gone = [size for size, run in zip(sizes, found, strict=True) if dry_run or kept.remove(run)]
        typer.echo(f"{len(gone)} {'would go' if dry_run else 'are gone'}: {sum(gone):.1f} MB")


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
    """Write what the book makes of its executed chapters into FOLDER, beside them: pages, the cover, the front page's answer."""
    from landslide_nb import chapters, front
    from landslide_nb.study import Study

    (folder / "parameters.md").write_text(chapters.parameters_page())
    (folder / "cover.png").write_bytes(front.cover(chapters.find("01", folder)))
    last = chapters.find("10", folder)
    (folder / front.PICTURE).write_bytes(front.cover(last))
    (folder / "answer.txt").write_text(front.answer(last, Study.load(edition).note))
    (folder / "about_this_build.md").write_text(chapters.build_page(folder, edition, commit))


@app.command()
def numbers(
    folder: Annotated[Path, typer.Argument(help="Executed chapters.")],
    results: Annotated[Path, typer.Argument(help="Where the CSV files are, or go.")],
    check: Annotated[bool, typer.Option(help="Write nothing; compare with what is there.")] = False,
) -> None:
    """Write the tables of the executed chapters in FOLDER as CSV into RESULTS, or compare them with what is there."""
    from landslide_nb import numbers
    from landslide_nb.errors import ChapterError

    if not check:
        typer.echo(f"{results}: {len(numbers.write(folder, results))} tables")
        return
    found = numbers.compare(folder, results)
    for line in found:
        typer.echo(line, err=True)
    if found:
        raise ChapterError(f"{len(found)} numbers of {folder} differ from {results} by more than {numbers.TOLERANCE}")
    typer.echo(f"the tables in {folder} are those in {results}, within {numbers.TOLERANCE}")


@app.command()
def drift(
    book: Annotated[Path, typer.Argument(help="Executed chapters and their pages.")] = Path("book/chapters"),
    notebooks: Annotated[Path, typer.Option(help="Where the chapters are.")] = Path("notebooks"),
) -> None:
    """Say which executed chapters are older than their notebook, and whether their numbers come from other code."""
    from landslide_nb import chapters

    each = [chapters.drift(source, book / source.name) for source in sorted(notebooks.glob("[0-9]*.ipynb"))]
    said = [line for line in (*each, chapters.code_drift(book / "about_this_build.md")) if line]
    typer.echo("\n".join(said) or f"{book} is as new as its notebooks and its code")


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
