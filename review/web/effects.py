"""What a change does, in exact words, before it is made."""

from __future__ import annotations

from campaigns.entries import CampaignState
from review.membership import membership
from review.run_tables import RunTables
from review.web.look import Decided, Look, Ties


def ordered(one: Look, other: Look) -> tuple[Look, Look]:
    """(the newer, the older) of two campaigns: the newer may be the older gone on, never the other way round."""
    newer, older = sorted(
        (one, other), key=lambda look: (look.history.first_day, look.campaign_id), reverse=True
    )
    return newer, older


def in_both(tables: RunTables, one: Look, other: Look) -> str:
    """How many accounts two campaigns of a run share, and have together."""
    known = membership(tables)
    shared = known.shared_with(one.campaign_id).get(other.campaign_id, 0)
    together = one.shown.n_accounts + other.shown.n_accounts - shared
    return f"On {tables.day} the two have {together:,} accounts together; {shared:,} are in both."


def of_merging(newer: Look, older: Look, said: Ties, about_newer: Decided, about_older: Decided) -> list[str]:
    """That `newer` is `older` gone on.

    Args:
        said: of the newer one.
    """
    new, old = newer.campaign_id, older.campaign_id
    made = [
        f"From the next run on, what is found by the wordings of {new} is {old}. {_older(newer, older)}",
        f"{new} leaves the queue now. Its page and all days that are published stay as they are.",
        _decision(new, about_newer, "It stays a decision about that one alone."),
        _decision(old, about_older, "It goes on to hold, for what is found later too."),
        *_replaced(newer, older, said),
    ]
    if older.history.state == CampaignState.MERGED:
        made.append(f"{old} is itself part of another campaign; what is found goes there.")
    return [text for text in made if text]


def of_parting(newer: Look, older: Look, said: Ties) -> list[str]:
    """That the two are two."""
    new, old = newer.campaign_id, older.campaign_id
    answer = said.answer
    if answer is not None and answer.same and answer.other_id == old:
        return [
            f"This takes back what {answer.author} said: that {new} is {old} gone on.",
            f"{new} comes back into the queue now, and from the next run on what its wordings find is its own again.",
        ]
    return [
        f"Nobody is asked any longer whether {new} is {old} gone on. What runs find stays as it is.",
        *_replaced(newer, older, said),
    ]


OF_SPLITTING = (
    "From the next run on the wordings that you choose are a campaign of their own, under a new id and with the "
    "numbers that they have here. No run joins the two again.",
    "All days that are published stay as they are. Label and decisions stay with this campaign; the new one has none.",
    "It can be taken back.",
)


def _older(newer: Look, older: Look) -> str:
    first, second = older.history.first_day, newer.history.first_day
    if first == second:
        return f"Both were first seen on {first}; by its id that one counts as the older."
    return f"It is the older: first seen on {first}, the other on {second}."


def _decision(name: str, about: Decided, then: str) -> str:
    if about.decision is None:
        return ""
    return f"{about.decision.author} decided about {name}: {about.decision.verdict}. {then}"


def _replaced(newer: Look, older: Look, said: Ties) -> list[str]:
    """The latest answer about a campaign stands, so this one ends another."""
    answer = said.answer
    if answer is None or not answer.same or answer.other_id == older.campaign_id:
        return []
    return [
        f"This ends what {answer.author} said before: that {newer.campaign_id} is {answer.other_id} gone on. "
        "One answer about a campaign stands, the latest."
    ]
