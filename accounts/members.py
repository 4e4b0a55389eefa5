"""Who sent the prompts of the families, and what they wrote."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from accounts.population import Population
from accounts.words import words_of
from campaigns import files
from campaigns.runs import Run


@dataclass(frozen=True)
class Members:
    """The prompts of a run's families; entry i is the i-th by family, account, text and time.

    Attributes:
        population: the accounts of the day.
        families: int64 (n,), the family of each prompt.
        accounts: int64 (n,), rows of the population.
        texts: int64 (n,), rows of the columns below.
        minutes: float64 (n,), since midnight UTC.
        prompts, keys: distinct texts (t,) and their text keys, ascending.
        strengths: float32 (t,), part of the family's core that the text carries.
        languages: int8 (t,), -1 for unknown.
        marks: float64 (t,), evasion marks per 1,000 tokens.
    """

    population: Population
    families: NDArray[np.int64]
    accounts: NDArray[np.int64]
    texts: NDArray[np.int64]
    minutes: NDArray[np.float64]
    prompts: pa.Array
    keys: pa.Array
    strengths: NDArray[np.float32]
    languages: NDArray[np.int8]
    marks: NDArray[np.float64]

    @classmethod
    def read(cls, run: Run) -> Members:
        population = Population.read(run)
        texts = pl.DataFrame(run.table("family_members")).sort("text_key").with_row_index("text")
        keys = texts["text_key"].to_arrow().cast(pa.binary(16))
        prompts = run.texts_of(keys)["prompt"].combine_chunks()
        facts = pl.DataFrame(run.table("texts", ["text_key", "language", "evasion_marks", "n_tokens"]))
        texts = texts.join(facts, on="text_key", how="left", maintain_order="left")
        parts = [
            pl.DataFrame(files.read_parquet(part, ["account_id", "text_key", "created_at"])).join(
                texts.select("text_key", "text", "family"), on="text_key"
            )
            for part in run.prompt_parts()
        ]
        sent = pl.concat(parts)
        sent = sent.with_columns(account=pl.Series(population.rows_of(sent["account_id"]), dtype=pl.Int64))
        sent = sent.sort("family", "account", "text", "created_at")
        return cls(
            population=population,
            families=sent["family"].to_numpy().astype(np.int64),
            accounts=sent["account"].to_numpy().astype(np.int64),
            texts=sent["text"].to_numpy().astype(np.int64),
            minutes=(sent["created_at"].dt.timestamp("us") % 86_400_000_000 / 6e7).to_numpy(),
            prompts=prompts,
            keys=keys,
            strengths=texts["strength"].to_numpy().astype(np.float32),
            languages=texts["language"].to_numpy().astype(np.int8),
            marks=1_000 * texts["evasion_marks"].to_numpy() / np.maximum(texts["n_tokens"].to_numpy(), 1),
        )

    @property
    def n_families(self) -> int:
        return int(self.families.max(initial=-1)) + 1

    @cached_property
    def _words(self) -> tuple[sparse.csr_matrix, NDArray[np.uint64]]:
        return words_of(self.prompts)

    @property
    def words(self) -> sparse.csr_matrix:
        """Which text holds which word, 0/1 float32 CSR (t, n_words)."""
        return self._words[0]

    @property
    def word_hashes(self) -> NDArray[np.uint64]:
        """What the columns of `words` stand for, uint64 (n_words,), ascending."""
        return self._words[1]

    @cached_property
    def counts(self) -> sparse.csr_matrix:
        """Prompts by family and account, float64 CSR (n_families, n_accounts)."""
        ones = np.ones(len(self.families))
        shape = (self.n_families, len(self.population))
        found = sparse.csr_matrix((ones, (self.families, self.accounts)), shape=shape)
        found.sum_duplicates()
        return found

    @cached_property
    def outside(self) -> NDArray[np.int64]:
        """Rows of the accounts that sent nothing in any family, ascending."""
        inside = np.zeros(len(self.population), np.bool_)
        inside[self.accounts] = True
        return np.flatnonzero(~inside)
