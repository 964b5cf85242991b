"""What arrays are called: one name, one meaning. N patches, C channels, F features."""

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]  # of patches or rows
Labels = NDArray[np.int8]  # (N,), 0 or 1
Pixels = NDArray[np.float32]  # (N, C, H, W) or (C, H, W)
Features = NDArray[np.float32]  # (N, F)
Scores = NDArray[np.float64]  # (N,): log-odds, probabilities, margins
Values = NDArray[np.floating]  # any of these
