"""The numbers of the published edition: all of them are written down, and a number that drifts is found."""

import csv
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from conftest import Command
from nbformat.v4 import new_code_cell, new_notebook, new_output

from landslide_nb.common.errors import ChapterError
from landslide_nb.display import table
from landslide_nb.metrics.bootstrap import Interval
from landslide_nb.publish import tables_csv


def chapter(folder: Path, *shown: pd.DataFrame, name: str = "04_backbones") -> Path:
    """An executed chapter that shows tables."""
    outputs = [new_output("display_data", {"text/html": table.to_html()}) for table in shown]
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=[new_code_cell("table", outputs=outputs)]), folder / f"{name}.ipynb")
    return folder


def shown(f1: float = 0.8, seconds: float = 12.0, name: str = "resnet18") -> pd.DataFrame:
    """A table as the chapters show it."""
    row = {"test F1": Interval(f1, f1 - 0.1, f1 + 0.1), "training (s)": seconds, "weights": "none"}
    return table.show(pd.DataFrame.from_dict({name: row}, orient="index").rename_axis("backbone"))


def test_tables_are_written_as_a_reader_sees_them(tmp_path: Path) -> None:
    """A number of the book would not be found in the results, or a column be another's."""
    made = chapter(tmp_path / "chapters", shown(), shown(0.5, name="a < b & c"))
    written = tables_csv.write(made, tmp_path / "results")
    assert [path.name for path in written] == ["04_backbones-1.csv", "04_backbones-2.csv"]
    with written[0].open(encoding="utf-8") as stream:
        assert list(csv.reader(stream)) == [
            ["backbone", "test F1", "training (s)", "weights"],
            ["resnet18", "0.800 [0.700, 0.900]", "12.0", "none"],
        ]
    assert pd.read_csv(written[1])["backbone"].to_list() == ["a < b & c"]


def test_tables_that_are_gone_do_not_stay(tmp_path: Path) -> None:
    """A table of an older chapter would be taken for one of the book; the benchmarks' results are not the book's."""
    tables_csv.write(chapter(tmp_path / "chapters", shown(), shown()), tmp_path / "results")
    (tmp_path / "results" / "ssim.csv").write_text("kept\n", "utf-8")
    tables_csv.write(chapter(tmp_path / "chapters", shown()), tmp_path / "results")
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["04_backbones-1.csv", "ssim.csv"]


def test_tables_of_other_chapters_stay(tmp_path: Path) -> None:
    """Writing the numbers of one chapter again would delete those of nine others."""
    both = chapter(tmp_path / "both", shown())
    chapter(tmp_path / "both", shown(), shown(), name="05_ablations")
    tables_csv.write(both, tmp_path / "results")
    tables_csv.write(chapter(tmp_path / "one", shown(), name="05_ablations"), tmp_path / "results")
    names = sorted(path.name for path in (tmp_path / "results").iterdir())
    assert names == ["04_backbones-1.csv", "05_ablations-1.csv"]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (shown(), ""),
        (shown(0.804), ""),
        (shown(seconds=500), ""),
        (shown(0.81), "04_backbones-1, resnet18, test F1: '0.810 [0.710, 0.910]', before '0.800 [0.700, 0.900]'"),
        (shown(name="resnet34"), "04_backbones-1, resnet34, backbone: 'resnet34', before 'resnet18'"),
        (shown().drop(columns="weights"), "04_backbones-1: another shape"),
    ],
    ids=["same", "near", "slower", "drifted", "renamed", "a column less"],
)
def test_drift_is_found_and_noise_is_not(now: pd.DataFrame, said: str, tmp_path: Path) -> None:
    """A book would go on showing numbers that its code no longer gives, or nobody believe a check that always complains."""
    tables_csv.write(chapter(tmp_path / "before", shown()), tmp_path / "results")
    found = tables_csv.compare(chapter(tmp_path / "now", now), tmp_path / "results")
    assert (found == []) if not said else (len(found) == 1 and said in found[0])


def test_another_number_of_tables_is_drift(tmp_path: Path) -> None:
    """A table that is new, or gone, would pass unseen."""
    tables_csv.write(chapter(tmp_path / "before", shown()), tmp_path / "results")
    assert "2 tables, 1 in" in tables_csv.compare(chapter(tmp_path / "now", shown(), shown()), tmp_path / "results")[0]
    assert "0 tables, 1 in" in tables_csv.compare(chapter(tmp_path / "none"), tmp_path / "results")[0]


def test_nothing_to_compare_is_no_agreement(tmp_path: Path, command: Command) -> None:
    """A check in an empty folder would be green for ever."""
    with pytest.raises(ChapterError, match="holds no executed chapter"):
        tables_csv.compare(tmp_path, tmp_path)
    made = chapter(tmp_path / "chapters", shown())
    done = command("numbers", made, tmp_path / "results", "--check")
    assert done.returncode == 1 and "differ" in done.stderr
    assert command("numbers", made, tmp_path / "results").returncode == 0
    done = command("numbers", made, tmp_path / "results", "--check")
    assert done.returncode == 0, done.stderr
