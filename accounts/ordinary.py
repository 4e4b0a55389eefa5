"""Ordinary accounts: those outside any family, which every campaign of the day is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from accounts.case import Case
from accounts.controls import DRAWS, MOST_ACCOUNTS, age_class, draw_controls, volume_class
from accounts.members import Members
from accounts.population import NETWORKS
from accounts.signals.infrastructure import rarity
from campaigns.runs import Run

FEWEST = 5
"""Customers from which a campaign's accounts are compared with others'."""


@dataclass(frozen=True)
class Compared:
    """A case's customers beside groups of matched controls.

    The case's own customers may be among those drawn, as in a permutation test: where few others are of their class,
    draws of others alone would be too much alike.

    Attributes:
        rows: int64 (1, m), rows of the population: the case itself.
        by_place: int64 (n_draws, m), controls of the same countries and volumes.
        by_age: int64 (n_draws, m), controls of the same ages and volumes.
    """

    rows: NDArray[np.int64]
    by_place: NDArray[np.int64]
    by_age: NDArray[np.int64]


@dataclass(frozen=True)
class Ordinary:
    """The day's population and what is usual in it."""

    members: Members
    marks: NDArray[np.float64]
    """float64 (n_texts,): evasion marks per 1,000 tokens of the texts of no family."""
    languages: NDArray[np.int8]
    """int8 (n_texts,): their languages."""

    @classmethod
    def read(cls, run: Run, members: Members) -> Ordinary:
        texts = pl.DataFrame(run.texts(["text_key", "language", "evasion_marks", "n_tokens"]))
        inside = pl.DataFrame(run.table("family_members", ["text_key"]))
        texts = texts.join(inside, on="text_key", how="anti", maintain_order="left")
        tokens = np.maximum(texts["n_tokens"].to_numpy(), 1)
        return cls(members, 1_000 * texts["evasion_marks"].to_numpy() / tokens, texts["language"].to_numpy())

    def marks_of(self, language: int) -> NDArray[np.float64]:
        """Marks of the ordinary texts of a language, float64 (n,)."""
        found: NDArray[np.float64] = self.marks[self.languages == language]
        return found

    @cached_property
    def rarities(self) -> list[NDArray[np.float64]]:
        """By column of `Population.networks`; see `infrastructure.rarity`."""
        networks = self.members.population.networks
        return [rarity(networks[:, column], self.members.outside) for column in range(len(NETWORKS))]

    @cached_property
    def making(self) -> NDArray[np.float64]:
        """When ordinary accounts were made, days since the epoch, ascending."""
        created = self.members.population.created[self.members.outside]
        return np.sort(created[~np.isnan(created)])

    @cached_property
    def _classes(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        population = self.members.population
        return (
            population.country.astype(np.int64),
            age_class(population.age),
            volume_class(population.n_prompts),
        )

    def compare(self, case: Case, rng: np.random.Generator) -> Compared | None:
        """The case's customers and their controls; None if either are too few."""
        customers = case.customers
        if len(customers) > MOST_ACCOUNTS:
            customers = np.sort(rng.choice(customers, MOST_ACCOUNTS, replace=False))
        outside = self.members.outside
        if len(customers) < FEWEST or len(outside) < 2 * len(customers):
            return None
        country, age, volume = self._classes
        return Compared(
            customers[None],
            draw_controls(customers, outside, [country, volume], rng, DRAWS),
            draw_controls(customers, outside, [age, volume], rng, DRAWS),
        )
