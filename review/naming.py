"""Which decisions name an account: confirmations of campaigns that it is a core member of, in the runs they rest on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from campaigns.entries import Decision, Verdict
from campaigns.errors import IntegrityError
from review.run_tables import RunTables


@dataclass(frozen=True, slots=True)
class Naming:
    """`decisions` name the account. Of `unread` ones nobody can tell: the files of their runs are gone or damaged."""

    decisions: tuple[Decision, ...]
    unread: tuple[Decision, ...]


def naming(
    account_id: str, standing: Iterable[Decision], tables_of: Callable[[Decision], RunTables]
) -> Naming:
    """
    Args:
        standing: decisions that stand.
        tables_of: the run that a decision rests on; raises IntegrityError where its files are gone.
    """
    by_run: dict[str, list[Decision]] = defaultdict(list)
    for decision in standing:
        if decision.verdict == Verdict.CONFIRMED:
            by_run[decision.run_id].append(decision)
    named: list[Decision] = []
    unread: list[Decision] = []
    for decisions in by_run.values():
        try:
            rows = tables_of(decisions[0]).rows(
                "accounts", "account_id", account_id, ["account_id", "campaign_id", "is_core"]
            )
        except IntegrityError:
            unread += decisions
            continue
        core = {row["campaign_id"] for row in rows.to_pylist() if row["is_core"]}
        named += [one for one in decisions if one.campaign_id in core]
    return Naming(
        tuple(sorted(named, key=lambda one: -one.id)), tuple(sorted(unread, key=lambda one: -one.id))
    )
