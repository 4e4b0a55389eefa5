"""Scripts and styles: our own, and htmx out of its package, whose SHA-256 is pinned.

Each is served at an address that holds a hash of all of them, so browsers keep it for good and never show an old one,
and a module finds the modules it imports beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from campaigns.errors import IntegrityError

HTMX: Final = "htmx-2.min.js"
HTMX_SHA256: Final = "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de"
"""htmx 2.0.10, as django-htmx 1.29.0 carries it."""
TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOLDER: Final = Path(__file__).parent / "static"
_HASH_CHARACTERS: Final = 12


@dataclass(frozen=True, slots=True)
class Asset:
    name: str
    body: bytes
    media_type: str
    digest: str

    @property
    def url(self) -> str:
        return f"/static/{self.digest}/{self.name}"


def load_assets() -> Mapping[str, Asset]:
    """By name; those in a folder as `FOLDER/NAME`.

    Raises:
        IntegrityError: htmx is not the one that is pinned.
    """
    bodies = {
        path.relative_to(_FOLDER).as_posix(): path.read_bytes()
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in TYPES
    }
    bodies[HTMX] = _htmx()
    digests = "".join(hashlib.sha256(body).hexdigest() for _, body in sorted(bodies.items()))
    digest = hashlib.sha256(digests.encode()).hexdigest()[:_HASH_CHARACTERS]
    return {
        name: Asset(name, body, TYPES[Path(name).suffix], digest) for name, body in sorted(bodies.items())
    }


def _htmx() -> bytes:
    source = files("django_htmx") / "static" / "django_htmx" / HTMX
    body = source.read_bytes()
    if hashlib.sha256(body).hexdigest() != HTMX_SHA256:
        raise IntegrityError(
            "htmx is not the file that was pinned",
            where=str(source),
            hint="Install django-htmx==1.29.0 again.",
        )
    return body
