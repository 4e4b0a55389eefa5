"""References to accounts in addresses of pages: permanent, and without the account's id.

An address ends up in histories, bookmarks and chats. So it holds the id encrypted, by AES-SIV: the same id gives the
same reference, nobody without the key can read it, and one that was altered is refused. Ids are padded, so that a
reference does not tell how long an id is.

AES-SIV: P. Rogaway and T. Shrimpton, 2006; RFC 5297.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from campaigns.errors import UsageError

_BLOCK: Final = 32
_MOST_CHARACTERS: Final = 4_096


class Links:
    """Makes references and reads them."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(hashlib.sha512(b"shoal links" + key).digest())

    def reference(self, account_id: str) -> str:
        body = account_id.encode("utf-8", "surrogatepass")
        padded = body + b"\x80" + bytes(-(len(body) + 1) % _BLOCK)
        return base64.urlsafe_b64encode(self._cipher.encrypt(padded, None)).rstrip(b"=").decode()

    def account(self, reference: str) -> str:
        """The id behind a reference.

        Raises:
            UsageError: it is none of this store's.
        """
        try:
            given = reference[:_MOST_CHARACTERS]
            sealed = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
            padded = self._cipher.decrypt(sealed, None)
        except (binascii.Error, ValueError, InvalidTag):
            raise UsageError(
                "there is no such account link", hint="It was cut short, or made by another store or key."
            ) from None
        return padded[: padded.rindex(b"\x80")].decode("utf-8", "surrogatepass")
