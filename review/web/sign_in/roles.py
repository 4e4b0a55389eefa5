"""From users and their groups to roles, as the settings say. Whom no list names may do nothing."""

from __future__ import annotations

from collections.abc import Collection

from campaigns.sessions import Role
from campaigns.settings import ReviewSettings

GROUP = "group:"


def role_of(user: str, groups: Collection[str], settings: ReviewSettings) -> Role | None:
    """The highest role of the lists that name the user, or a group of theirs; None: none does.

    Names are compared whole and without regard to case.
    """
    names = {
        user.strip().casefold(),
        *(f"{GROUP}{group.strip()}".casefold() for group in groups if group.strip()),
    }
    lists = {
        Role.ADMIN: settings.admins,
        Role.APPROVER: settings.approvers,
        Role.ANALYST: settings.analysts,
        Role.VIEWER: settings.viewers,
    }
    for role, listed in lists.items():
        if names & {name.strip().casefold() for name in listed.split(",") if name.strip()}:
            return role
    return None
