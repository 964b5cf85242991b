"""What all commands have in common."""

import errno
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import current_thread, main_thread
from typing import Any, Final, NoReturn

from typer.core import TyperGroup

from landslide_nb.common.errors import CommandError, MachineError, in_words

BOOK: Final = (
    "chapters, the book and ONNX need more packages than training and prediction: pip install 'landslide-nb[book]'"
)


class Commands(TyperGroup):
    """Commands whose errors are sentences: what the system refuses, too, wherever that happens."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            CommandError: for an option or a value that the command does not take.
            MachineError: for a file, a disk or a memory that is not as it should be, or for a package that is not there.
        """
        try:
            with _in_one_sentence():
                return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise MachineError(f"{error.name} is not installed; {BOOK}") from error
        except (OSError, EOFError, MemoryError, UnicodeDecodeError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:  # whoever read us has seen enough
                raise
            raise MachineError(in_words(error)) from error

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **more: Any) -> Any:
        """Read what stands before the command; nothing at all asks for help."""
        with _in_one_sentence() if args else nullcontext():
            return super().make_context(info_name, args, *rest, **more)


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    """Say in one what Typer says in a box of five lines: its errors, whose classes have no public name."""
    try:
        yield
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        said, context = error.format_message().rstrip("."), getattr(error, "ctx", None)
        where = f"ee `{context.command_path} --help`" if context else "ee --help"
        raise CommandError(f"{said}{' S' if said.endswith('?') else '; s'}{where}") from error


@contextmanager
def ended_as_asked() -> Iterator[None]:
    """Hear SIGTERM, by which clusters and services end what runs, as Ctrl-C, and end with the code that shells have for it."""
    if current_thread() is not main_thread():  # only there can signals be heard
        yield
        return
    heard = list[int]()

    def hear(number: int, frame: object) -> NoReturn:
        heard.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, hear)
    try:
        yield
    except SystemExit:
        if heard:
            sys.exit(128 + signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


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
