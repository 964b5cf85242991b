"""What can be wrong, said in one sentence: what, where, what was expected, what to do."""

from traceback import extract_tb
from typing import Final

SENTENCES: Final = {
    FileNotFoundError: "does not exist {why}; check the name and the folder that you are in",
    IsADirectoryError: "is a folder {why}; expected a file",
    NotADirectoryError: "cannot be, as what stands before the name is no folder {why}; name another place",
    PermissionError: "may not be read or written {why}; change its rights, or name another place",
}


class OneLine(BaseException):
    """What a notebook shows in one line instead of a traceback."""

    def _render_traceback_(self) -> list[str]:
        """The line (an IPython protocol)."""
        return [f"{type(self).__name__}: {self}"]


class LandslideError(OneLine, Exception):
    """An error whose message is meant for the user and needs no traceback."""


class Stopped(OneLine, KeyboardInterrupt):
    """Ctrl-C, where what was begun can go on."""


class DataError(LandslideError):
    """A file or an array is not what it should be."""


class DataWarning(UserWarning):
    """Data can be used, and a user has to know something of them first."""


class NodataError(DataError):
    """A patch has pixels of the value that the user said stands for no data."""


class StudyError(LandslideError):
    """A parameter is unknown, of the wrong type, or out of range."""


class CommandError(LandslideError):
    """A command was called with an option, or a value of one, that it does not take."""


class LeakError(LandslideError):
    """A patch that is held out has a part in what the model is fitted on."""


class WeightsError(LandslideError):
    """Pretrained weights cannot be had."""


class RunError(LandslideError):
    """A training run failed."""


class ChapterError(LandslideError):
    """A chapter did not run to its end, every cell in order."""


class ModelError(LandslideError):
    """A trained model, or the folder that it was exported to, is not what it should be."""


class MachineError(LandslideError):
    """A file, a disk or the memory refuses what is asked of it."""


def in_words(error: Exception) -> str:
    """What the system refuses, in one sentence: which file, why, what to do.

    Args:
        error: of the system: an `OSError`, `EOFError`, `MemoryError` or `UnicodeDecodeError`.
    """
    if isinstance(error, MemoryError):
        return f"there is too little memory ({reason(error)}); close other programs, or give smaller batches or fewer patches"
    if isinstance(error, UnicodeDecodeError):
        return f"a file is not text in UTF-8 ({reason(error)}); save it as UTF-8"
    if not isinstance(error, OSError):
        return f"a file ends before its time ({reason(error)}); it is cut off, write or copy it again"
    name = "a file" if error.filename is None else str(error.filename)
    why = f"({error.strerror or reason(error)})"
    for kind, sentence in SENTENCES.items():
        if isinstance(error, kind):
            return f"{name} {sentence.format(why=why)}"
    return f"{name} could not be read or written {why}; make room, or name another place"


def unreadable(path: object, error: OSError) -> DataError:
    """What to say of a file that is there and whole, for all that one can know, but is not let read."""
    return DataError(
        f"{path} cannot be read ({error.strerror or error}); allow reading it, or close the program that holds it"
    )


def reason(error: BaseException) -> str:
    """What a library says went wrong, to stand in brackets in a sentence of ours.

    Returns:
        The first line, at most 200 characters; of an error that says nothing the line of code that led to it, or its name.
    """
    if message := str(error).strip().partition("\n")[0][:200].rstrip(" .:;"):
        return message
    ran = [frame.line for frame in extract_tb(error.__traceback__) if frame.line and not frame.line.startswith("raise")]
    return ran[-1] if ran else type(error).__name__
