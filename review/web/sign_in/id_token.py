"""ID tokens of an identity provider: who signed in, and how that is made sure.

OpenID Connect Core 1.0, section 3.1.3.7. Signatures by public keys only: a token that is signed by a shared secret, or
not at all, would be good for whoever knows the provider's public key, or nothing.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import BadSignatureError, ClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey
from joserfc.jws import JWSRegistry

ALGORITHMS: Final = frozenset(f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512))
LEEWAY: Final = timedelta(minutes=1)
"""How far the clocks of provider and page may be apart."""
OLDEST: Final = timedelta(minutes=10)
"""A token is made when its sign-in is; one that is older was kept by somebody."""
_LEAST_RSA_BITS: Final = 2_048


class BadTokenError(Exception):
    """A token that proves nothing; the message holds nothing of it."""


class UnknownKeyError(BadTokenError):
    """No key at hand has signed it; another that the provider published meanwhile may have."""


def key_set(document: dict[str, Any]) -> KeySet:
    """The keys of a provider that may sign: RSA of 2,048 bits or more and EC, none that is for encryption.

    Raises:
        ValueError: there is none, or the document is none of keys.
    """
    entries, found = document.get("keys"), list[Key]()
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        try:
            if entry.get("kty") == "EC":
                found.append(ECKey.import_key(entry))
            elif entry.get("kty") == "RSA" and _bits(str(entry.get("n"))) >= _LEAST_RSA_BITS:
                found.append(RSAKey.import_key(entry))
        except (JoseError, ValueError):
            continue  # a key that cannot be read signs nothing
    if not found:
        raise ValueError("no key that may sign")
    return KeySet(found)


def read_claims(
    token: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str, now: datetime
) -> dict[str, Any]:
    """The claims of a token that this provider made for this sign-in of this client.

    Raises:
        UnknownKeyError: signed by no key of `keys`.
        BadTokenError: anything else about it is not as it must be.
    """
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    try:
        claims = jwt.decode(token, keys, registry=registry).claims
    except (InvalidKeyIdError, BadSignatureError) as error:
        raise UnknownKeyError(error.error) from None
    except JoseError as error:
        raise BadTokenError(error.error) from None
    except (ValueError, RecursionError):
        raise BadTokenError("unreadable") from None
    expected = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=int(LEEWAY.total_seconds()),
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        expected.validate(claims)
    except ClaimError as error:
        raise BadTokenError(f"claims: {error.error} {error.claim}") from None
    if claims["iat"] < (now - OLDEST - LEEWAY).timestamp():
        raise BadTokenError("claims: iat is too long ago")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise BadTokenError("claims: azp")
    sent = claims.get("nonce")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode("utf-8", "replace"), nonce.encode()):
        raise BadTokenError("claims: nonce")
    return claims


def _bits(modulus: str) -> int:
    """Of a number in base64url, six a character, less what fills it up."""
    return len(modulus) * 6 // 8 * 8
