"""Sign-ins that do not come off, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says: what happened, and the next step."""

    what: str
    hint: str


def nobody_listed(user: str) -> Told:
    return Told(f"You are {user}, and no list of users names you.", "Ask an admin of Shoal for a role.")


class SignInRefused(Exception):  # noqa: N818 an outcome, not a fault
    """
    Attributes:
        why: for the log; holds nothing that the browser or the provider sent.
        told: for the page.
        status: of the answer.
    """

    told = Told(
        "What the identity provider sent does not hold.",
        "Begin again. If it comes back, the log of the page says what is wrong.",
    )
    status = 403

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class ProviderFailed(SignInRefused):
    """It cannot be reached, or answers nothing of use."""

    told = Told("The identity provider cannot be reached.", "Try again in a minute.")
    status = 502


class ProviderDeclined(SignInRefused):
    """It says that it lets nobody in."""

    told = Told("The identity provider did not let you in.", "Begin again, or ask who runs it.")


class NotBegun(SignInRefused):
    """No sign-in is under way in this browser that the answer belongs to."""

    told = Told(
        "This sign-in was begun in another browser, or too long ago.",
        "Begin again, and finish within minutes.",
    )


class NobodyListed(SignInRefused):
    """The provider knows the user, and no list of the settings does."""

    def __init__(self, user: str) -> None:
        super().__init__("no list names the user")
        self.told = nobody_listed(user)
