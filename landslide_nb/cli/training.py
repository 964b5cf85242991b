"""Commands for runs: what they would cost, training them, which are kept."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from landslide_nb.cli.parameters import TAKES_PARAMETERS, study
from landslide_nb.common.store import check_store, store

app = typer.Typer()


@app.command()
def parameters() -> None:
    """Print all parameters of a study: type, what each edition sets, meaning; plan, fit, export and chapter take them (-p)."""
    from landslide_nb.experiments import listing

    typer.echo(listing.text())


@app.command(**TAKES_PARAMETERS)
def plan(
    context: typer.Context,
    tflops: Annotated[
        float | None, typer.Option(min=1e-3, help="What a GPU sustains, in TFLOP/s; 40 if not said.")
    ] = None,
    names: Annotated[bool, typer.Option(help="Only the names of the runs, as `fit --only` takes them.")] = False,
    cpu: Annotated[
        bool, typer.Option("--cpu/--no-cpu", help="Time a training step of each network here, once, for the CPU hours.")
    ] = True,
) -> None:
    """Say what `fit` with the same parameters would train and what that costs; no data is needed, nothing is trained."""
    chosen = study(context.args)
    from landslide_nb.experiments import plan
    from landslide_nb.experiments.cpu import training_rate

    if names:
        typer.echo("\n".join(plan.jobs(chosen)))
        return
    timed = partial(training_rate, report=partial(typer.echo, err=True)) if cpu else None
    typer.echo(plan.text(chosen, tflops or plan.TFLOPS, timed))


@app.command(**TAKES_PARAMETERS)
def fit(
    context: typer.Context,
    only: Annotated[str | None, typer.Option(help="One run, by its name in `plan --names`.")] = None,
) -> None:
    """Train every run that the chapters need and that is not there yet, then measure the speed of each backbone."""
    chosen = study(context.args)
    check_store()
    from landslide_nb.experiments import grids, plan, runs
    from landslide_nb.experiments.speed import speed
    from landslide_nb.training.distributed import processes

    if only is not None:
        runs.train_runs({only: plan.job(chosen, only)})
        return
    count = runs.train(grids.experiments(chosen))
    if processes().is_main_process:
        typer.echo(f"{count} runs are there")
        for compared in grids.by_backbone(chosen).values():  # when nothing trains beside it any more
            speed(compared.settings, typer.echo)


@app.command(**TAKES_PARAMETERS)
def publish(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where published runs are.")] = Path("results/published"),
) -> None:
    """Write the predictions of the runs that are kept into FOLDER, small, so that the book's numbers need neither data nor training."""
    chosen = study(context.args)
    check_store()
    from landslide_nb.experiments import grids, publication

    count = publication.publish(grids.experiments(chosen), folder, typer.echo)
    typer.echo(f"{folder}: {count} runs")


@app.command(**TAKES_PARAMETERS)
def attribute(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where published runs are.")] = Path("results/published"),
    count: Annotated[int, typer.Option(min=2, help="How many landslides of the hold-out test are looked at.")] = 60,
) -> None:
    """Write where the networks that are kept look, against the masks of landslides, into FOLDER (chapter 05)."""
    chosen = study(context.args)
    check_store()
    from landslide_nb.experiments import grids
    from landslide_nb.explain import looked

    runs = looked.publish(grids.experiments(chosen), folder, count, typer.echo)
    typer.echo(f"{folder}: {runs} runs have looked")


@app.command()
def runs(
    prune: Annotated[
        bool, typer.Option(help="Remove runs of other code or libraries, and what broken ones left.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="With --prune: only say what would go.")] = False,
) -> None:
    """List the runs in the store."""
    from landslide_nb.experiments import inventory

    kept = inventory.kept()
    listed = [run for run in kept if run.needless or not prune]
    if kept and not listed:
        typer.echo(
            f"nothing {'would go' if dry_run else 'goes'}: each of the {len(kept)} runs in {store()} still serves"
        )
        return
    typer.echo(inventory.table(listed))
    if prune:
        sizes = [run.megabytes for run in listed]  # before they go
        gone = [size for size, run in zip(sizes, listed, strict=True) if dry_run or inventory.remove(run)]
        typer.echo(f"{len(gone)} {'would go' if dry_run else 'are gone'}: {sum(gone):.1f} MB")


@app.command()
def check_gpu(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where the table goes too (CSV).")] = None,
) -> None:
    """Compare what the GPU computes with the CPU, measure its speed and memory, and tell how long the `paper` edition trains on it.

    It takes 8 minutes at most. Without a GPU the CPU stands in for it, at small sizes.
    """
    from landslide_nb.experiments.gpu import check

    check.check(output, typer.echo)
