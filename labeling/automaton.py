"""All literals of many templates sought at once: the automaton of Aho and Corasick (1975) over token shapes.

Every literal is a path from the root of a trie. Reading a token follows the path, or falls back to the longest path
that the tokens read so far still end with. So a text costs at most two steps per token, however many literals there
are and whatever it says; and each literal that ends at a token is reported there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from campaigns.tokens import mix

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Automaton:
    """A trie of literals with its fall-backs. Node 0 is the root.

    Attributes:
        cells: uint64, open addressing: hashes of (node, shape), 0 where empty; a power of two of them.
        children: int32, like `cells`: the node that the shape leads to.
        fallback: int32 (n_nodes,), the node of the longest proper suffix.
        literal: int32 (n_nodes,), the literal that ends here, or -1.
        shorter: int32 (n_nodes,), the nearest fall-back with a literal, or 0.
        sizes: int32 (n_literals,), tokens of each literal.
        nested: most literals that can end at one token.
    """

    cells: NDArray[np.uint64]
    children: NDArray[np.int32]
    fallback: NDArray[np.int32]
    literal: NDArray[np.int32]
    shorter: NDArray[np.int32]
    sizes: NDArray[np.int32]
    nested: int

    @classmethod
    def of(cls, literals: Sequence[NDArray[np.uint64]]) -> Automaton:
        """From shapes; literals are distinct and not empty."""
        flat = np.concatenate([np.empty(0, np.uint64), *literals])
        sizes = np.array([len(literal) for literal in literals], np.int32)
        indptr = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        cells, children, parent, shape, depth, ends = _trie(flat, indptr)
        order = np.argsort(depth, kind="stable")
        fallback, shorter, nested = _fallbacks(cells, children, parent, shape, ends, order)
        return cls(cells, children, fallback, ends, shorter, sizes, int(nested))


@njit(cache=True, nogil=True, inline="always")
def _key(node, shape):  # type: ignore[no-untyped-def]
    return mix((np.uint64(node + 1) * _GOLDEN) ^ shape) | np.uint64(1)  # 0 marks an empty cell


@njit(cache=True, nogil=True, inline="always")
def _child(node, shape, cells, children):  # type: ignore[no-untyped-def]
    """The node that `shape` leads to from `node`, or -1."""
    key = _key(node, shape)
    last = np.uint64(len(cells) - 1)
    at = (key >> np.uint64(1)) & last
    while cells[at] != 0:
        if cells[at] == key:
            return children[at]
        at = (at + np.uint64(1)) & last
    return np.int32(-1)


@njit(cache=True, nogil=True, inline="always")
def step(node, shape, cells, children, fallback):  # type: ignore[no-untyped-def]
    """The node after reading `shape` at `node`."""
    while True:
        child = _child(node, shape, cells, children)
        if child >= 0:
            return child
        if node == 0:
            return np.int32(0)
        node = fallback[node]


@njit(cache=True, nogil=True)
def _trie(flat, indptr):  # type: ignore[no-untyped-def]
    size = 64
    while size < 2 * len(flat):
        size *= 2
    cells = np.zeros(size, np.uint64)
    children = np.zeros(size, np.int32)
    parent = np.zeros(len(flat) + 1, np.int32)
    shape = np.zeros(len(flat) + 1, np.uint64)
    depth = np.zeros(len(flat) + 1, np.int32)
    ends = np.full(len(flat) + 1, -1, np.int32)
    n_nodes = 1
    last = np.uint64(size - 1)
    for k in range(len(indptr) - 1):
        node = np.int32(0)
        for i in range(indptr[k], indptr[k + 1]):
            child = _child(node, flat[i], cells, children)
            if child < 0:
                child = np.int32(n_nodes)
                key = _key(node, flat[i])
                at = (key >> np.uint64(1)) & last
                while cells[at] != 0:
                    at = (at + np.uint64(1)) & last
                cells[at] = key
                children[at] = child
                parent[child] = node
                shape[child] = flat[i]
                depth[child] = depth[node] + 1
                n_nodes += 1
            node = child
        ends[node] = k
    return (
        cells,
        children,
        parent[:n_nodes].copy(),
        shape[:n_nodes].copy(),
        depth[:n_nodes].copy(),
        ends[:n_nodes].copy(),
    )


@njit(cache=True, nogil=True)
def _fallbacks(cells, children, parent, shape, ends, order):  # type: ignore[no-untyped-def]
    """`order`: nodes by rising depth, so that those a node falls back to are done before it."""
    n_nodes = len(parent)
    fallback = np.zeros(n_nodes, np.int32)
    shorter = np.zeros(n_nodes, np.int32)
    ending = np.zeros(n_nodes, np.int64)
    nested = 0
    for i in range(1, n_nodes):
        node = order[i]
        if parent[node] != 0:
            fallback[node] = step(fallback[parent[node]], shape[node], cells, children, fallback)
        before = fallback[node]
        shorter[node] = before if ends[before] >= 0 else shorter[before]
        ending[node] = ending[shorter[node]] + (ends[node] >= 0)
        nested = max(nested, ending[node])
    return fallback, shorter, nested
