"""What can be wrong, said in one sentence: what, where, what was expected, what to do."""

from traceback import extract_tb


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


class StudyError(LandslideError):
    """A parameter is unknown, of the wrong type, or out of range."""


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


def reason(error: BaseException) -> str:
    """What a library says went wrong, to stand in brackets in a sentence of ours.

    Returns:
        The first line, at most 200 characters; of an error that says nothing the line of code that led to it, or its name.
    """
    if message := str(error).strip().partition("\n")[0][:200].rstrip(" .:;"):
        return message
    ran = [frame.line for frame in extract_tb(error.__traceback__) if frame.line and not frame.line.startswith("raise")]
    return ran[-1] if ran else type(error).__name__
