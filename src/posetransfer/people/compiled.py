"""Machine code at the first call: numba's decorator, typed, with a cache on disk wherever one can be written."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

logger = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(*, fastmath: bool = True) -> Callable[[Function], Function]:
    """Compile a function of arrays and numbers with numba when it is first called.

    Args:
        fastmath: let the compiler reorder sums (faster; the last bits then depend on the processor).
    """

    def decorate(function: Function) -> Function:
        try:
            return cast(Function, numba.njit(cache=True, fastmath=fastmath)(function))
        except RuntimeError as error:  # numba found neither __pycache__ nor a user's cache folder that it may write
            logger.debug("no cache for %s (%s): it is compiled anew in every process", function.__name__, error)
            return cast(Function, numba.njit(cache=False, fastmath=fastmath)(function))

    return decorate
