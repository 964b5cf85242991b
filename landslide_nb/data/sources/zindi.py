"""The challenge's folder in and out: Train.csv, Test.csv, SampleSubmission.csv and one `<ID>.npy` for each patch.

Patches are float64, channels last. The real Test.csv lists one ID twice: that is one patch and two rows.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.common.errors import DataError, NodataError
from landslide_nb.common.files import new_folder
from landslide_nb.common.inputs import check_link, files_below
from landslide_nb.common.progress import Report, followed
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.hdf5 import Part, write_parts
from landslide_nb.data.patches import Patches, check_pixels
from landslide_nb.data.sources.npy import read_npy
from landslide_nb.data.sources.options import Found, Options, without_data
from landslide_nb.data.tables import absent, canonical, decimals, read_table

LOOKS_FOR: Final = "Train.csv"
OPTIONS: Final = frozenset({"nodata"})  # all else is as the challenge has it


def read(folder: str | Path) -> tuple[Patches, Patches]:
    """Read the labelled and the unlabelled patches of a challenge folder.

    Args:
        folder: holds Train.csv (`ID,label`) and the patches, anywhere below it; Test.csv (`ID`) may be missing.

    Returns:
        The training patches with labels; the test patches (each once, none if there is no Test.csv) without.

    Raises:
        DataError: naming the file and the fault.
    """
    train, test = (part.patches(CHALLENGE) for part in listed(folder).values())
    return train, test


def convert(folder: str | Path, path: str | Path, report: Report | None = None) -> dict[str, Part]:
    """Write a challenge folder into one HDF5 file with the parts "train" and "test", one patch in memory at a time."""
    filled = {name: part for name, part in listed(folder).items() if part.ids}
    write_parts(path, CHALLENGE, filled, report)
    return filled


def recognises(folder: Path) -> bool:
    """Whether it has the list of the challenge's training patches."""
    return (folder / "Train.csv").is_file()


def data_set(folder: Path, options: Options) -> DataSet:
    """The challenge's."""
    return CHALLENGE


def parts(folder: Path, options: Options, report: Report | None = None) -> Found:
    """Its parts, of which the second may be empty."""
    named = listed(folder)
    notes = _unlisted(folder, named)
    if options.nodata is None:
        return Found(named, notes)
    kept = {name: _with_data(folder, part, options.nodata) for name, part in named.items()}
    if not kept["train"].ids:
        raise DataError(
            f"each of the {len(named['train'].ids)} labelled patches in {folder} has pixels of {options.nodata:g}"
        )
    gone = {name: len(part.ids) - len(kept[name].ids) for name, part in named.items()}
    left_out = (f"{name}: {without_data(count, options.nodata)}" for name, count in gone.items() if count)
    return Found(kept, (*notes, *left_out))


def _unlisted(folder: Path, named: Mapping[str, Part]) -> tuple[str, ...]:
    """What a user has to know of patches that lie there and that no list names, as where Test.csv has only its header."""
    wanted = {name for part in named.values() for name in part.ids}
    lonely = sorted(str(path) for name, path in files(folder).items() if name not in wanted)
    if not lonely:
        return ()
    return (f"left out: {len(lonely)} .npy files that neither Train.csv nor Test.csv lists, as {lonely[0]}",)


def _with_data(folder: Path, part: Part, nodata: float) -> Part:
    """A part without the patches in which a pixel has the value that stands for no data."""
    paths = files(folder)
    chosen = [name in paths and not _has_nodata(paths[name], nodata) for name in part.ids]
    ids = tuple(name for name, keep in zip(part.ids, chosen, strict=True) if keep)
    labels = None if part.labels is None else part.labels[np.array(chosen, bool)]
    rows = None if part.rows is None else tuple(name for name in part.rows if name in set(ids))
    return Part(ids, labels, _pixels(ids, paths, folder), rows)


def _has_nodata(path: Path, nodata: float) -> bool:
    try:
        load_patch(path, CHALLENGE, nodata)
    except NodataError:
        return True
    return False


def listed(folder: str | Path) -> dict[str, Part]:
    """The parts "train" and "test" of a folder; ids and labels are read now, pixels when they are asked for."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; expected one with Train.csv and <ID>.npy files")
    paths = files(folder)
    ids, labels = read_labels(folder / "Train.csv")
    if not ids:
        raise DataError(f"{folder / 'Train.csv'} lists no patches; expected one row for each")
    train = Part(ids, labels, _pixels(ids, paths, folder / "Train.csv"))
    rows = read_ids(folder / "Test.csv") if (folder / "Test.csv").is_file() else ()
    distinct = tuple(dict.fromkeys(rows))
    both = sorted(set(map(canonical, ids)) & set(map(canonical, distinct)))
    if both:
        raise DataError(
            f"{both[0]} is listed in Train.csv and in Test.csv ({len(both)} such); keep one, or the test leaks"
        )
    return {"train": train, "test": Part(distinct, None, _pixels(distinct, paths, folder / "Test.csv"), rows)}


def read_labels(path: Path) -> tuple[tuple[str, ...], NDArray[np.int8]]:
    """The ids and labels of Train.csv; a row that stands twice with the same label counts once."""
    table = _table(path, ("ID", "label"))
    wrong = table[~table["label"].isin(("0", "1"))]
    if len(wrong):
        line, row = wrong.index[0] + 2, wrong.iloc[0]
        raise DataError(
            f"{path}, line {line}: {row['ID']} has label {row['label']!r}; expected 0 or 1{decimals(row['label'])}"
        )
    table = table.drop_duplicates(["ID", "label"])
    twice = table[table["ID"].duplicated()]
    if len(twice):
        raise DataError(
            f"{path}, line {twice.index[0] + 2}: {twice['ID'].iloc[0]} stands twice, with two labels; keep one row"
        )
    return tuple(table["ID"]), table["label"].to_numpy().astype(np.int8)


def read_ids(path: Path) -> tuple[str, ...]:
    """The ids of Test.csv or SampleSubmission.csv, in order and as often as they are listed."""
    return tuple(_table(path, ("ID",))["ID"])


def _table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"{path} does not exist; a challenge folder has one, with the columns {','.join(columns)}")
    return read_table(path, columns)


def files(folder: Path) -> dict[str, Path]:
    """The `.npy` files anywhere below a folder, linked folders included, by the patch's id.

    Raises:
        DataError: if two have one name, a folder cannot be looked into, or a link leads nowhere that is no patch's.
    """
    paths: dict[str, Path] = {}
    for path in files_below(folder):
        if path.suffix != ".npy":
            check_link(path)
            continue
        if path.stem in paths and path.resolve() != paths[path.stem].resolve():
            raise DataError(f"{path.stem}.npy is there twice: {paths[path.stem]} and {path}; keep one")
        paths[path.stem] = path
    return paths


def _pixels(ids: Sequence[str], files: dict[str, Path], listed_in: Path) -> Iterator[NDArray[np.float32]]:
    for name in ids:
        if name not in files:
            raise absent(name, files, listed_in)
        yield load_patch(files[name])


def file_shape(data_set: DataSet) -> tuple[int, int, int]:
    """The shape of a patch in its `.npy` file: `(H, W, C)`."""
    bands, height, width = data_set.shape
    return height, width, bands


def load_patch(path: str | Path, data_set: DataSet = CHALLENGE, nodata: float | None = None) -> NDArray[np.float32]:
    """Read one patch as float32 `(C, H, W)` from `(H, W, C)`, as the challenge ships its patches.

    Raises:
        NodataError: if a pixel has the value that is said to stand for no data.
        DataError: if it is missing, truncated, pickled, of another shape or type, or has a value that cannot have been measured.
    """
    path, shape = Path(path), file_shape(data_set)
    if not path.is_file():
        raise DataError(f"{path} does not exist; expected a patch of shape {shape}")
    patch = read_npy(path)
    if patch.shape != shape or patch.dtype.kind not in "fiu":
        raise DataError(f"{path} holds {patch.dtype} {patch.shape}; expected numbers of shape {shape}")
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused below
        pixels = np.ascontiguousarray(patch.transpose(2, 0, 1), np.float32)
    check_pixels(pixels, str(path), data_set.bands, nodata)
    return pixels


def write(folder: str | Path, train: Patches | Part, test: Patches | Part, report: Report | None = None) -> None:
    """Write patches as the challenge ships them; the folder must be new or empty, and is there when all of it is.

    Args:
        folder: where they go.
        train: labelled patches; those of a `Part` are taken one by one.
        test: patches whose labels, if there are any, are not written.
        report: takes a line of progress now and then.

    Raises:
        DataError: if there is something in the folder, or the training patches have no labels.
    """
    folder = Path(folder)
    if train.labels is None:
        raise DataError(f"the {len(train.ids)} training patches have no labels; a challenge folder needs them")
    with new_folder(folder) as temporary:
        for name, patches in (("train_data", train), ("test_data", test)):
            (temporary / name).mkdir()
            for patch_id, pixels in zip(
                patches.ids, followed(patches.pixels, len(patches.ids), name, report), strict=True
            ):
                _save_patch(temporary / name / f"{patch_id}.npy", pixels)
        write_csv(temporary / "Test.csv", {"ID": test.ids})
        write_csv(temporary / "SampleSubmission.csv", {"ID": test.ids, "label": ["0"] * len(test.ids)})
        write_csv(temporary / "Train.csv", {"ID": train.ids, "label": list(map(str, train.labels))})


def _save_patch(path: Path, pixels: NDArray[np.float32]) -> None:
    """Write a patch as the challenge does; numpy itself does not say why it could not."""
    written = BytesIO()
    np.save(written, pixels.transpose(1, 2, 0).astype(np.float64), allow_pickle=False)
    path.write_bytes(written.getvalue())


def write_csv(path: Path, columns: dict[str, Sequence[str]]) -> None:
    """Write a small CSV into a file, or a folder, that is still temporary."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
