"""What all commands have in common."""

import errno
from typing import Any

from typer.core import TyperGroup

from landslide_nb.common.errors import MachineError, in_words


class Commands(TyperGroup):
    """Commands whose errors are sentences: what the system refuses, too, wherever that happens."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            MachineError: for a file, a disk or a memory that is not as it should be.
        """
        try:
            return super().invoke(ctx)
        except (OSError, EOFError, MemoryError, UnicodeDecodeError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:  # whoever read us has seen enough
                raise
            raise MachineError(in_words(error)) from error
