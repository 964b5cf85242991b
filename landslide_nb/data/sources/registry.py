"""Which kinds of folders can be read: a module for each, all with the same functions."""

from pathlib import Path
from typing import Final, Protocol

from landslide_nb.common.errors import DataError
from landslide_nb.common.files import check_writable
from landslide_nb.common.inputs import check_output
from landslide_nb.common.progress import Report
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.hdf5 import write_parts
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import landslide4sense, masks, zindi
from landslide_nb.data.sources.options import Found, Options


class Source(Protocol):
    """What a module that reads a kind of folder has."""

    @property
    def LOOKS_FOR(self) -> str:  # noqa: N802 - a constant of the module
        """What a folder of this kind holds, for people."""

    @property
    def OPTIONS(self) -> frozenset[str]:  # noqa: N802
        """The names of the options that it takes."""

    def recognises(self, folder: Path) -> bool:
        """Whether a folder is of this kind."""

    def data_set(self, folder: Path, options: Options) -> DataSet:
        """What its patches are, without reading them."""

    def parts(self, folder: Path, options: Options, report: Report | None = None) -> Found:
        """Its patches; pixels are read when they are asked for."""


KINDS: Final[dict[str, Source]] = {
    "zindi": zindi,
    "landslide4sense": landslide4sense,
    "masks": masks,
}
DEFAULT: Final = Options()


def convert(
    folder: str | Path,
    path: str | Path,
    options: Options = DEFAULT,
    kind: str | None = None,
    report: Report | None = None,
) -> Found:
    """Write a folder of any kind into one HDF5 file, one image or patch in memory at a time.

    Returns:
        What was written; its pixels are used up.

    Raises:
        DataError: naming the file and the fault; nothing is written then.
    """
    folder, path = Path(folder), Path(path)
    if path.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{path} is in the folder that is read, {folder}; name a file outside of it")
    check_output(path, folder)
    source = find(folder, options, kind)
    check_writable(path)
    converted = source.parts(folder, options, report)
    filled = {name: part for name, part in converted.parts.items() if part.ids}
    copies = write_parts(path, source.data_set(folder, options), filled, report)
    return Found(filled, (*converted.notes, *copies))


def read(folder: str | Path) -> Patches:
    """The labelled patches of a folder of any kind, with the options that nobody has to say.

    Raises:
        DataError: naming the file and the fault.
    """
    folder = Path(folder)
    source = find(folder)
    return source.parts(folder, DEFAULT).parts["train"].patches(source.data_set(folder, DEFAULT))


def read_data_set(folder: str | Path) -> DataSet:
    """What the patches of a folder of any kind are, without reading them."""
    folder = Path(folder)
    return find(folder).data_set(folder, DEFAULT)


def find(folder: Path, options: Options = DEFAULT, kind: str | None = None) -> Source:
    """What reads a folder: the kind that is named, or the one that recognises it.

    Raises:
        DataError: if none or several do, or an option does not apply.
    """
    if kind is not None and kind not in KINDS:
        raise DataError(f"--kind is {kind!r}; expected one of {', '.join(KINDS)}")
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; expected one of the kinds {_described()}")
    name = kind or _recognised(folder)
    if wrong := sorted(options.model_fields_set - KINDS[name].OPTIONS):
        flags = ", ".join(f"--{option.replace('_', '-')}" for option in wrong)
        raise DataError(f"{flags} does not apply to a folder of the kind {name}; leave it out")
    return KINDS[name]


def _recognised(folder: Path) -> str:
    """The only kind that recognises a folder."""
    try:
        names = [name for name, source in KINDS.items() if source.recognises(folder)]
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror})") from error
    if not names:
        raise DataError(
            f"{folder} is of no known kind; expected {_described()}; put them there, or name the kind with --kind"
        )
    if len(names) > 1:
        raise DataError(f"{folder} could be of the kinds {' and '.join(names)}; name one with --kind")
    return names[0]


def _described() -> str:
    return ", ".join(f"{name} ({source.LOOKS_FOR})" for name, source in KINDS.items())
