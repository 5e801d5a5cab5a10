# SPDX-License-Identifier: BSD-3-Clause
"""Telescopes joined by pairs: which hang together, and which fall into two sides.

A graph is bipartite where its telescopes fall into two sides and every pair joins one side to the other.
Sums over pairs then leave a seesaw open: all of one side up, all of the other down by the same.
"""

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["components", "sides"]

type Ints = npt.NDArray[np.int64]


def components(n: int, first: Ints, second: Ints) -> Ints:
    """Return the index of the connected component of each of n telescopes, shape (n,).

    Parameters
    ----------
    n : int
        Number of telescopes.
    first, second : ndarray of int64, shape (n_pairs,)
        Indices of the two telescopes of each pair.
    """
    graph = coo_array((np.ones(first.size, np.int8), (first, second)), shape=(n, n))
    labels: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return labels


def sides(n: int, first: Ints, second: Ints) -> Ints:
    """Return the side, 0 or 1, of each telescope of a bipartite component, -1 elsewhere, shape (n,).

    Every telescope is doubled, and a pair joins each to the other's double. A component is bipartite
    where its telescopes and their doubles do not hang together (the bipartite double cover).

    Parameters
    ----------
    n : int
        Number of telescopes.
    first, second : ndarray of int64, shape (n_pairs,)
        Indices of the two telescopes of each pair.
    """
    doubled = components(2 * n, np.concatenate([first, first + n]), np.concatenate([second + n, second]))
    one, other = doubled[:n], doubled[n:]
    found: Ints = np.where(one == other, -1, (one > other).astype(np.int64))
    return found
