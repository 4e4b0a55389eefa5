"""From users and their groups to roles, as the settings say. Whom no list names may do nothing."""

from __future__ import annotations

import string
from collections.abc import Collection
from typing import Final

from campaigns.sessions import Role
from campaigns.settings import ReviewSettings

GROUP: Final = "group:"
_SMALL: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def role_of(user: str, groups: Collection[str], settings: ReviewSettings) -> Role | None:
    """The highest role of the lists that name the user, or a group of theirs; None: none does.

    Names are compared whole; A to Z equal a to z and nothing else equals anything else, so a name that some
    alphabet folds to another's is not taken for it. Who is called `group:NAME` is no group.
    """
    names = {_folded(GROUP + group.strip()) for group in groups if group.strip()}
    name = _folded(user)
    if not name.startswith(GROUP):
        names.add(name)
    for role, listed in lists_of(settings).items():
        if names & listed:
            return role
    return None


def lists_of(settings: ReviewSettings) -> dict[Role, frozenset[str]]:
    """Users and groups by the role that they are listed for, the highest first."""
    texts = {
        Role.ADMIN: settings.admins,
        Role.APPROVER: settings.approvers,
        Role.ANALYST: settings.analysts,
        Role.VIEWER: settings.viewers,
    }
    return {
        role: frozenset(_folded(name) for name in text.split(",") if name.strip())
        for role, text in texts.items()
    }


def _folded(name: str) -> str:
    return name.strip().translate(_SMALL)
