"""Commands for predictions: of new patches, of statistics, packed for others, checked for the challenge."""

from pathlib import Path
from typing import Annotated

import typer

from landslide_nb.cli.parameters import TAKES_PARAMETERS, study
from landslide_nb.common.seeds import LARGEST_SEED

app = typer.Typer()


@app.command(**TAKES_PARAMETERS)
def export(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(help="A new folder.")],
    network: Annotated[
        str, typer.Option(help="An experiment, as `plan` lists them; `ensemble`: the whole of chapter 09.")
    ] = "best",
    onnx: Annotated[bool, typer.Option("--onnx", help="Write each network as ONNX too.")] = False,
    half: Annotated[bool, typer.Option("--half", help="Round weights to half precision: half the size.")] = False,
    fold: Annotated[int | None, typer.Option(min=1, help="Only the network of this fold.")] = None,
) -> None:
    """Write the folds of one experiment into a folder that `predict` and other people can use."""
    chosen = study(context.args)
    from landslide_nb.common.files import check_new
    from landslide_nb.inference import bundle
    from landslide_nb.inference.export import pack

    if onnx:
        import landslide_nb.inference.onnx  # noqa: F401 - what is missing shows before the training
    check_new(output)
    ensemble, card = pack(chosen, network, typer.echo, fold)
    bundle.write(ensemble, output, card, onnx, half)
    typer.echo(f"{output}: {card.name}, {len(ensemble.folds)} folds, threshold {ensemble.threshold:.3f}")


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
        typer.Option(
            "--flips/--no-flips", help="Also look at the flips that the bands allow; as exported if not said."
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out patches that are not as they should be.")
    ] = False,
    nodata: Annotated[
        float | None, typer.Option(help="What stands for no data, as -9999 or nan: patches that have it are left out.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
) -> None:
    """Predict the patches of SOURCE with MODELS and write them as the challenge's submission; no training data is needed."""
    import torch

    from landslide_nb.common.cores import at_most
    from landslide_nb.common.files import check_writable
    from landslide_nb.common.inputs import check_output
    from landslide_nb.data import stream
    from landslide_nb.inference import predictions as inference_predict

    if threads is not None:
        torch.set_num_threads(at_most(threads, lambda line: typer.echo(line, err=True)))
    check_writable(output)
    check_output(output, source, *inference_predict.folders(models))
    ensemble = inference_predict.load(models, typer.echo).replace(threshold, flips)
    patches = stream.find(source, ensemble.data_set, nodata)
    predictions = inference_predict.predict(ensemble, patches, skip_bad, typer.echo)
    if probabilities:
        predictions.write_probabilities(output)
    else:
        predictions.write(output, ensemble.threshold)
    typer.echo(f"{output}: {predictions.summary(ensemble.threshold)}")


@app.command()
def check_submission(file: Path, sample: Path) -> None:
    """Compare a submission FILE with the challenge's SampleSubmission.csv: header, IDs, their order, labels."""
    from landslide_nb.inference import submission

    typer.echo(f"{file}: {submission.check(file, sample)} rows, as {sample} asks for")


@app.command()
def stack(
    table: Annotated[Path, typer.Argument(help="Labelled statistics, as `statistics` writes them.")],
    new: Annotated[Path, typer.Argument(help="Such a table with labels or without, an HDF5 file, or a folder.")],
    output: Annotated[Path, typer.Option("-o", help="Where the predictions go (CSV).")],
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED)] = 0,
) -> None:
    """Fit LightGBM and an SVM to a labelled TABLE of statistics and predict the patches of NEW (chapter 06).

    All is fitted on TABLE, the threshold too. Where NEW has labels, its F1 and AUROC are said.
    """
    from landslide_nb.common.files import replacing
    from landslide_nb.common.inputs import check_output
    from landslide_nb.tabular import predict as tabular_predict
    from landslide_nb.tabular import statistics

    check_output(output, table, new)
    with replacing(output) as temporary:
        predictions = tabular_predict.apply(statistics.read(table), statistics.load(new), seed)
        predictions.to_csv(temporary, index=False)
    typer.echo(tabular_predict.summary(predictions))
