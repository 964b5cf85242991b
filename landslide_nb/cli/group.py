"""What all commands have in common."""

import errno
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from typer.core import TyperGroup

from landslide_nb.common.errors import MachineError, in_words

BOOK: Final = (
    "chapters, the book and ONNX need more packages than training and prediction: pip install 'landslide-nb[book]'"
)


class Commands(TyperGroup):
    """Commands whose errors are sentences: what the system refuses, too, wherever that happens."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            MachineError: for a file, a disk or a memory that is not as it should be, or for a package that is not there.
        """
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise MachineError(f"{error.name} is not installed; {BOOK}") from error
        except (OSError, EOFError, MemoryError, UnicodeDecodeError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:  # whoever read us has seen enough
                raise
            raise MachineError(in_words(error)) from error


@contextmanager
def warned_once() -> Iterator[None]:
    """Show each warning as one line, and once, from however many places it comes."""
    shown = set[str]()

    def show(message: Warning | str, *where: Any, **more: Any) -> None:
        if (text := " ".join(str(message).split())) not in shown:
            shown.add(text)
            print(f"warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
