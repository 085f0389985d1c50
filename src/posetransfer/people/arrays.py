"""The array types of this room, for signatures; docstrings give shape, dtype and unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Rng = np.random.Generator

Real = float | np.floating[Any]
"""A number of numpy or of Python: which of the two decides the precision of what is computed with it."""
