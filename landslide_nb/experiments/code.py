"""The code and the libraries that a run depends on."""

import ast
import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

# The code that a run's numbers come from: a change here makes new runs, a changed figure does not.
CODE = (
    *("data/bands.py", "data/channels.py", "data/scaling.py", "data/splits.py"),
    *("similarity", "augment", "models/backbones.py", "models/multi.py", "models/weights.py", "models/malloc.py"),
    "training",
)
LIBRARIES = ("numpy", "scikit-learn", "torch", "accelerate", "timm", "kornia", "segmentation-models-pytorch")


@cache
def code_version() -> dict[str, str]:
    """A hash of the code that runs depend on (not of its comments), and the versions of the libraries that do the work."""
    package = Path(__file__).parents[1]
    sources = sorted(
        path for name in CODE for path in [package / name, *(package / name).glob("*.py")] if path.is_file()
    )
    trees = "".join(ast.dump(ast.parse(path.read_text())) for path in sources)
    code = hashlib.sha256(trees.encode()).hexdigest()[:16]
    return {"code": code} | {name: version(name) for name in LIBRARIES}
