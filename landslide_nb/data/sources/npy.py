"""One array from one `.npy` file."""

from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslide_nb.common.errors import DataError, unreadable


def read_npy(path: Path) -> NDArray[Any]:
    """The array in an `.npy` file; an archive, and anything pickled, is refused.

    Raises:
        DataError: if it is no whole file of plain numbers.
    """
    try:
        with path.open("rb") as stream:  # np.load would also take archives
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
            return array
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (ValueError, EOFError, OSError, SyntaxError, TokenError) as error:  # the last two: a damaged header
        first = str(error).splitlines()[0]
        raise DataError(f"{path} is not a whole .npy file of plain numbers ({first}); fetch it again") from error
