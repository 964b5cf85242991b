"""No command writes over what it reads: not by a slip of the hand, and not through a link."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from landslide_nb.cli import app
from landslide_nb.common.errors import ChapterError, DataError
from landslide_nb.common.inputs import check_output, files_below
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import zindi
from landslide_nb.data.tables import read_table
from landslide_nb.tabular.statistics import describe

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
COMMANDS = {
    "predict, file": "predict model f.h5 -o f.h5",
    "predict, list of a folder": "predict model folder -o folder/Test.csv",
    "predict, patch of a folder": "predict model folder -o folder/train_data/SIM_007_000000.npy",
    "predict, model": "predict model f.h5 -o model/run.json",
    "predict, through a link": "predict model f.h5 -o link.h5",
    "predict, through a hard link": "predict model f.h5 -o hard.h5",
    "predict, behind a linked folder": "predict model linked -o folder/test_data/SIM_007_000006.npy",
    "map, scene": "map model f.h5 -o f.h5",
    "map, through a link": "map model f.h5 -o link.h5",
    "map, band": "map model -o f.h5 --band red=n.csv --band green=f.h5",
    "map, polygons": "map model f.h5 -o m.tif --polygons f.h5",
    "map, model": "map model f.h5 -o m.tif --picture model/run.json",
    "compare, before": "compare f.h5 t.csv -o f.h5",
    "compare, after": "compare f.h5 t.csv -o t.csv",
    "convert, list": "convert folder folder/Train.csv",
    "convert, behind a linked folder": "convert linked folder/test_data/SIM_007_000006.npy",
    "stack, table": "stack t.csv n.csv -o t.csv",
    "stack, new": "stack t.csv n.csv -o n.csv",
    "stack, file": "stack t.csv f.h5 -o f.h5",
    "statistics": "statistics f.h5 f.h5",
    "statistics, folder": "statistics folder folder/Train.csv",
    "fit-simulator": "fit-simulator t.csv t.csv",
    "chapter, itself": "chapter x.ipynb -o x.ipynb",
    "chapter, data": "chapter x.ipynb -o f.h5 -p data f.h5",
    "chapter, table": "chapter x.ipynb -o t.csv -p statistics t.csv",
    "chapter, facts in place of what is read": "chapter x.ipynb -o t.ipynb -p statistics t.json",
}


def content(folder: Path) -> dict[str, str]:
    """All files and what is in them."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def desk(tiny: Patches, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one of everything that a command reads, and links to some of it; where the commands are started."""
    desk = tmp_path / "desk"
    desk.mkdir()
    folder.rename(desk / "folder")
    tiny.write(desk / "f.h5")
    for name in ("t.csv", "n.csv", "t.json"):
        describe(tiny).to_csv(desk / name, index=False)
    (desk / "x.ipynb").write_bytes((NOTEBOOKS / "01_data_exploration.ipynb").read_bytes())
    (desk / "model").mkdir()
    (desk / "model" / "run.json").write_text("{}", "utf-8")
    (desk / "link.h5").symlink_to(desk / "f.h5")
    os.link(desk / "f.h5", desk / "hard.h5")
    (desk / "linked").mkdir()
    for name in ("Train.csv", "Test.csv"):
        (desk / "linked" / name).write_bytes((desk / "folder" / name).read_bytes())
    for name in ("train_data", "test_data"):
        (desk / "linked" / name).symlink_to(desk / "folder" / name)
    monkeypatch.chdir(desk)
    return desk


@pytest.mark.parametrize("line", COMMANDS.values(), ids=COMMANDS.keys())
def test_what_is_read_is_not_written_over(line: str, desk: Path) -> None:
    """Patches, labels or a notebook would be gone, and a result stand under their name."""
    before = content(desk)
    done = CliRunner().invoke(app, line.split())
    assert isinstance(done.exception, DataError), done.output
    assert "name a" in str(done.exception) and "\n" not in str(done.exception)
    assert content(desk) == before


def test_a_chapter_is_not_written_over_by_its_own_facts(desk: Path) -> None:
    """The chapter would be executed for minutes, and then be lost."""
    done = CliRunner().invoke(app, ["chapter", "x.ipynb", "-o", "out.json"])
    assert isinstance(done.exception, ChapterError)
    assert "name a file that ends in .ipynb" in str(done.exception)
    assert not Path("out.json").exists()


def test_what_is_not_read_may_be_written_anew(desk: Path) -> None:
    """A second run would be refused because of the predictions of the first."""
    (desk / "folder" / "predictions.csv").write_text("ID,label\n", "utf-8")
    for output in ("folder/predictions.csv", "n.csv", "folder/new.csv", "new.h5"):
        check_output(Path(output), Path("folder"), Path("t.csv"), Path("f.h5"), Path("missing"))


def test_a_table_is_written_where_there_was_another(desk: Path) -> None:
    """A command would refuse to be repeated."""
    for _ in range(2):
        done = CliRunner().invoke(app, ["statistics", "f.h5", "out.csv"])
        assert (done.exit_code, done.exception) == (0, None)
    assert read_table(Path("out.csv"), ("ID",))["ID"].size == 24


def test_files_are_found_wherever_links_lead(tmp_path: Path) -> None:
    """A linked folder would be passed over without a word, or a link to a folder above never end."""
    for name in ("a/1.npy", "elsewhere/2.npy", "a/.hidden/3.npy", "a/._1.npy"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / name, np.zeros(1))
    (tmp_path / "a" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "a")
    found = [path.name for path in files_below(tmp_path / "a")]
    assert found == ["1.npy", "2.npy"]


def test_a_link_to_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Patches on a disk that is not mounted would be passed over without a word."""
    np.save(tmp_path / "1.npy", np.zeros(1))
    (tmp_path / "2.npy").symlink_to(tmp_path / "gone.npy")  # a patch, which is missed where it is read
    zindi.files(tmp_path)
    (tmp_path / "more").symlink_to(tmp_path / "unmounted")
    told = r"more is a link that leads nowhere \(to .*unmounted\), perhaps to a disk that is not mounted; mount it, or remove"
    with pytest.raises(DataError, match=told):
        zindi.files(tmp_path)


@pytest.mark.parametrize("find", [files_below, zindi.files])
def test_a_folder_that_cannot_be_read_is_named(
    find: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the patches would be predicted, and nothing said of the others."""
    (tmp_path / "locked").mkdir()
    scan = os.scandir

    def denied(path: str) -> object:
        if Path(path).name == "locked":  # as for a user who may not; root may look everywhere
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(DataError, match=r"locked cannot be looked into \(Permission denied\)"):
        find(tmp_path)
