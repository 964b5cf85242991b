"""Where runs, simulated patches and neighbours are kept, each under the hash of what determines it, and how processes take turns."""

import os
from pathlib import Path
from typing import Final

from landslide_nb.common.errors import DataError
from landslide_nb.common.files import why_not

CHOSEN: Final = "LANDSLIDE_NB_STORE"


def store() -> Path:
    """The folder of kept results: $LANDSLIDE_NB_STORE, else build/store of a checkout, else one in the user's cache."""
    if chosen := os.environ.get(CHOSEN):
        return Path(chosen)
    checkout = Path(__file__).parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / "build" / "store"
    try:
        return Path.home() / ".cache" / "landslide-nb"
    except RuntimeError as error:  # a container's user
        raise DataError(f"you have no home to keep results in; name a folder as {CHOSEN}") from error


def check_store() -> None:
    """Try whether results can be kept, before they are computed.

    Raises:
        DataError: if not.
    """
    trial = f".{os.getpid()}.trial"
    try:
        for folder in (store(), store() / "locks"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / trial).touch()
            (folder / trial).unlink(missing_ok=True)  # of two hosts that share a store, each may have this number
    except OSError as error:
        raise DataError(
            f"results cannot be kept in {store()} ({why_not(store() / trial, error)}); name a folder that you may write to as {CHOSEN}"
        ) from error
