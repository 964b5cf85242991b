"""Commands for the book: chapters, the pages made of them, their numbers."""

from pathlib import Path
from typing import Annotated

import typer

from landslide_nb.cli.parameters import TAKES_PARAMETERS, parameters
from landslide_nb.common.errors import ChapterError
from landslide_nb.common.store import check_store
from landslide_nb.experiments.study import Study

app = typer.Typer()


@app.command(**TAKES_PARAMETERS)
def chapter(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A chapter: 04, 04_backbones, or a path.")],
    output: Annotated[
        Path | None, typer.Option("-o", help="Where it goes; build/chapters/NAME.ipynb if not said.")
    ] = None,
    notebooks: Annotated[Path, typer.Option(help="Where the chapters are.")] = Path("notebooks"),
) -> None:
    """Execute one chapter strictly: it is whole, or it is not there."""
    overrides = parameters(context.args)
    study = Study.load(**overrides)
    check_store()
    from landslide_nb.common.inputs import check_output
    from landslide_nb.publish.execute import execute
    from landslide_nb.publish.notebooks import find

    source = find(name, notebooks)
    target = output or Path("build/chapters") / source.name
    facts = target.with_suffix(".json")
    if facts == target:
        raise ChapterError(f"{target} would be overwritten by the facts about it; name a file that ends in .ipynb")
    for written in (target, facts):
        check_output(written, source, *study.files)
    seconds = execute(source, target, overrides)
    typer.echo(f"{target}: {seconds:.0f} s")


@app.command()
def pages(folder: Path, edition: str = "smoke", commit: str = "unknown") -> None:
    """Write what the book makes of its executed chapters into FOLDER, beside them: pages, pictures, the front page's answer."""
    Study.load(edition)
    from landslide_nb.common.files import write_whole
    from landslide_nb.publish import executed, hurry, landing, pages, scorecard
    from landslide_nb.publish.notebooks import find

    first, last = (find(number, folder) for number in ("01", "10"))
    of = executed.chapters(folder)
    written: dict[str, str | bytes] = {
        **hurry.pictures(of),
        hurry.INCLUDE: hurry.include(of),
        "parameters.md": pages.parameters_page(),
        "cover.png": landing.cover(first),
        landing.PICTURE: landing.cover(last),
        "answer.txt": landing.answer(last, pages.note_of(last)),
        "table2.txt": pages.paper_ablations(),
        scorecard.PAGE: scorecard.page(of),
        "about_this_build.md": pages.build_page(folder, edition, commit),
    }
    for name, content in written.items():
        write_whole(folder / name, content)


@app.command()
def readme(
    file: Path,
    folder: Annotated[Path, typer.Argument(help="Executed chapters of the committed book.")],
) -> None:
    """Put the answer of the executed chapter 10 in FOLDER into the README FILE, between its marks."""
    from landslide_nb.common.files import write_whole
    from landslide_nb.publish import landing, pages
    from landslide_nb.publish.notebooks import find

    text, last = file.read_text("utf-8"), find("10", folder)
    write_whole(file, landing.readme(text, last, pages.note_of(last)))


@app.command()
def numbers(
    folder: Annotated[Path, typer.Argument(help="Executed chapters.")],
    results: Annotated[Path, typer.Argument(help="Where the CSV files are, or go.")],
    check: Annotated[bool, typer.Option(help="Write nothing; compare with what is there.")] = False,
) -> None:
    """Write the tables of the executed chapters in FOLDER as CSV into RESULTS, or compare them with what is there."""
    from landslide_nb.publish import tables_csv

    if not check:
        typer.echo(f"{results}: {len(tables_csv.write(folder, results))} tables")
        return
    differences = tables_csv.compare(folder, results)
    for line in differences:
        typer.echo(line, err=True)
    if differences:
        raise ChapterError(
            f"{len(differences)} numbers of {folder} differ from {results} by more than {tables_csv.TOLERANCE}"
        )
    typer.echo(f"the tables in {folder} are those in {results}, within {tables_csv.TOLERANCE}")


@app.command()
def drift(
    book: Annotated[Path, typer.Argument(help="Executed chapters and their pages.")] = Path("book/chapters"),
    notebooks: Annotated[Path, typer.Option(help="Where the chapters are.")] = Path("notebooks"),
) -> None:
    """Say which executed chapters are older than their notebook, and whether their numbers come from other code."""
    from landslide_nb.publish import drift

    each = [drift.drift(source, book / source.name) for source in sorted(notebooks.glob("[0-9]*.ipynb"))]
    sentences = [line for line in (*each, drift.code_drift(book / "about_this_build.md")) if line]
    typer.echo("\n".join(sentences) or f"{book} is as new as its notebooks and its code")
