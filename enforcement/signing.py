"""Signatures of messages, as Standard Webhooks has them (version 1, https://www.standardwebhooks.com).

The id of a message stays the same at every attempt, the time is that of the attempt. While a secret is changed both
the new one and the old one sign, so that a receiver who knows either takes the message.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from standardwebhooks import Webhook

from campaigns.errors import UsageError
from campaigns.settings import DeliverySettings

_PREFIX: Final = "whsec_"
_BYTES: Final = range(24, 65)


class Signer:
    """Signs with each of its secrets."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._signers = [Webhook(secret) for secret in secrets]

    @classmethod
    def of(cls, settings: DeliverySettings) -> Signer:
        """
        Raises:
            UsageError: there is no secret, or one is not what the standard asks for.
        """
        new = settings.webhook_secret.get_secret_value()
        old = settings.webhook_old_secret.get_secret_value()
        if not new:
            raise UsageError("the webhook has no secret to sign with", hint=_hint("webhook_secret"))
        return cls(
            [secret_of(new, "webhook_secret"), *([secret_of(old, "webhook_old_secret")] if old else [])]
        )

    def headers(self, message_id: str, body: bytes, at: datetime) -> dict[str, str]:
        """
        Args:
            body: JSON in UTF-8; it has to be sent byte for byte.
            at: time of the attempt, with its zone. Receivers refuse what is five minutes off.
        """
        text = body.decode()
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signer.sign(message_id, at, text) for signer in self._signers),
        }


def secret_of(text: str, setting: str) -> bytes:
    """The bytes of a secret as receivers write it.

    Raises:
        UsageError: it is none; the message does not repeat it.
    """
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith(_PREFIX) or len(secret) not in _BYTES:
        raise UsageError(
            f"delivery.{setting} is not {_PREFIX} and {_BYTES[0]} to {_BYTES[-1]} bytes in base64",
            hint=_hint(setting),
        )
    return secret


def _hint(setting: str) -> str:
    variable = f"SHOAL_DELIVERY__{setting.upper()}"
    return f"Set {variable} to the output of: echo {_PREFIX}$(openssl rand -base64 32)"
