# SPDX-License-Identifier: BSD-3-Clause
"""One decorator for all numba kernels, so that every kernel keeps the same arithmetic.

No fast-math and no contraction: a kernel gives the same bits on every machine, in every batch and thread.
"""

from collections.abc import Callable

import numba

__all__ = ["kernel"]


def kernel[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with numba: cached on disk, without the interpreter lock, IEEE arithmetic."""
    compiled: Callable[P, R] = numba.njit(
        cache=True, nogil=True, fastmath=False, error_model="numpy", boundscheck=False
    )(function)
    return compiled
