"""What members put into the slots of their template, and how many accounts share each value.

The same forty passages sent by a hundred accounts are one list that somebody hands out. Values are the same if their
folded tokens are: neither case nor look-alike letters nor invisible characters set two apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from campaigns.records import SLOT_VALUES, Slot, Template
from campaigns.tokens import mix, tokenize
from labeling.matcher import compile_template, slot_bytes
from labeling.slots import cut


@dataclass(frozen=True, slots=True)
class Sent:
    """Who sent the members of a family; one entry per member and account.

    Attributes:
        members: int64 (n,), rows of the members.
        accounts: int64 (n,), numbers of the accounts.
        prompts: int64 (n,), how often the account sent the member.
    """

    members: NDArray[np.int64]
    accounts: NDArray[np.int64]
    prompts: NDArray[np.int64]


def slot_values(family: int, template: Template, texts: pa.Array, sent: Sent, most: int) -> pa.Table:
    """The `most` values of each slot that most accounts, then most prompts, share; schema `SLOT_VALUES`.

    Members that the template does not accept, and empty slots, do not count. A value is spelled as in the first
    member that holds it.

    Args:
        texts: members (n,), in an order that follows from content.
    """
    matcher = compile_template(template)
    tokens = tokenize(texts)
    spans = matcher.slot_tokens(tokens)
    keys = _span_keys(tokens.indptr, tokens.codes, spans)
    bounds = slot_bytes(tokens, spans)
    kinds = [part.kind for part in template.parts if isinstance(part, Slot)]
    rows = []
    for slot in range(matcher.n_slots):
        values, first, value_of = np.unique(keys[:, slot], return_index=True, return_inverse=True)
        prompts, accounts = _counts(value_of, len(values), sent)
        ordered = np.lexsort((values, -prompts, -accounts))
        ordered = ordered[values[ordered] != 0]
        for value in ordered[:most].tolist():
            member = int(first[value])
            a, b = bounds[member, slot].tolist()
            rows.append(
                {
                    "family": family,
                    "slot": slot,
                    "kind": kinds[slot],
                    "n_values": len(ordered),
                    "value_key": int(values[value]),
                    "value": cut(texts[member].as_py().encode()[a:b].decode()),
                    "n_prompts": int(prompts[value]),
                    "n_accounts": int(accounts[value]),
                }
            )
    return pa.Table.from_pylist(rows, SLOT_VALUES)


def _counts(
    value_of: NDArray[np.int64], n_values: int, sent: Sent
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Prompts and distinct accounts of each value, int64 (n_values,); `value_of` is that of each member."""
    value = value_of[sent.members]
    prompts = np.zeros(n_values, np.int64)
    np.add.at(prompts, value, sent.prompts)
    n_accounts = int(sent.accounts.max(initial=0)) + 1
    pairs = np.unique(value * n_accounts + sent.accounts)
    return prompts, np.bincount(pairs // n_accounts, minlength=n_values)


@njit(cache=True, nogil=True)
def _span_keys(indptr, codes, spans):  # type: ignore[no-untyped-def]
    """uint64 (n, n_slots): a hash of the tokens of each span, 0 where there is none."""
    n, n_slots = spans.shape[0], spans.shape[1]
    keys = np.zeros((n, n_slots), np.uint64)
    for i in range(n):
        for slot in range(n_slots):
            for at in range(indptr[i] + spans[i, slot, 0], indptr[i] + spans[i, slot, 1]):
                keys[i, slot] = mix((keys[i, slot] * np.uint64(0x9E3779B97F4A7C15)) ^ codes[at])
    return keys
