"""Where runs, simulated patches and neighbours are kept, each under the hash of what determines it, and how processes take turns."""

import os
from pathlib import Path


def store() -> Path:
    """The folder of kept results: $LANDSLIDE_NB_STORE, else build/store of a checkout, else one in the user's cache."""
    if chosen := os.environ.get("LANDSLIDE_NB_STORE"):
        return Path(chosen)
    checkout = Path(__file__).parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / "build" / "store"
    return Path.home() / ".cache" / "landslide-nb"
