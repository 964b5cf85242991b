"""Files as accidents leave them."""

from pathlib import Path


def empty(path: Path) -> None:
    """As a power cut leaves a file that was not on the disk yet."""
    path.write_bytes(b"")


def half(path: Path) -> None:
    """As a copy leaves it that ended early."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def other(path: Path) -> None:
    """A changed byte, as a failing disk has it."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
