"""Random draws that are cheap one at a time and belong to one named stream.

Every account-day has a stream of its own, so a row depends on the plan, its day and its account, and on
nothing that was generated before it. A stream is named by words and numbers; the words are hashed into
spawn keys of `numpy.random.SeedSequence`, which keeps streams independent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np

T = TypeVar("T")

_BLOCK = 128


class Draws:
    """Uniform draws taken from a generator in blocks: a scalar draw from numpy costs ten times as much."""

    __slots__ = ("_block", "_next", "generator")

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator
        self._block: list[float] = []
        self._next = 0

    def uniform(self) -> float:
        """One draw from [0, 1)."""
        if self._next == len(self._block):
            self._block = self.generator.random(_BLOCK).tolist()
            self._next = 0
        value = self._block[self._next]
        self._next += 1
        return value

    def below(self, bound: int) -> int:
        """A whole number from 0 to `bound` - 1."""
        return int(self.uniform() * bound)

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.uniform() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self.uniform() * len(items))]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different items, in random order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        return self.sample(items, len(items))


@lru_cache(maxsize=4096)
def _word_key(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest())


def stream(seed: int, *name: str | int) -> Draws:
    """The stream of that name: equal seeds and names draw equal values, on every platform."""
    key = tuple(_word_key(part) if isinstance(part, str) else part for part in name)
    return Draws(np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key)))


def identifier(prefix: str, seed: int, *name: str | int) -> str:
    """An id such as `acc_4f0c...` that says nothing about what it names; 64 bits."""
    text = "\x1f".join(str(part) for part in (prefix, seed, *name))
    return f"{prefix}_{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"
