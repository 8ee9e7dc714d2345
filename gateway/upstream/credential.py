"""The caller's credential: what is presented to the upstream unchanged, and shown nowhere else."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING

from gateway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Credential"]

# New with every process: a fingerprint tells callers apart, and nothing about their credentials.
_KEY = secrets.token_bytes(32)
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_BEARER = "bearer "


class Credential:
    """One header and its value, as the caller presented it."""

    __slots__ = ("_fingerprint", "header", "value")

    def __init__(self, header: str, value: str) -> None:
        self.header = header
        self.value = value
        self._fingerprint: str | None = None

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[bytes, bytes]]) -> Credential | None:
        """The first of `Authorization: Bearer`, `PRIVATE-TOKEN` and `JOB-TOKEN`.

        Names are lower case, as ASGI gives them. Raises `BadInput` for a value that no header can
        carry.
        """
        found: dict[bytes, bytes] = {}
        for name, value in headers:
            if name in (b"authorization", b"private-token", b"job-token"):
                found.setdefault(name, value)
        if not found:
            return None
        bearer = found.get(b"authorization")
        if bearer is not None and bearer[: len(_BEARER)].lower() == _BEARER.encode():
            token = _token(bearer[len(_BEARER) :], "Authorization")
            return cls("Authorization", f"Bearer {token}") if token else None
        for name, header in ((b"private-token", "PRIVATE-TOKEN"), (b"job-token", "JOB-TOKEN")):
            if name in found:
                token = _token(found[name], header)
                return cls(header, token) if token else None
        return None

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits, the same for the same credential until the process ends."""
        if self._fingerprint is None:
            text = f"{self.header}\0{self.value}".encode()
            self._fingerprint = hashlib.blake2b(text, key=_KEY, digest_size=8).hexdigest()
        return self._fingerprint

    def __repr__(self) -> str:
        return f"<Credential {self.header} {self.fingerprint}>"


def _token(raw: bytes, header: str) -> str:
    token = raw.decode("latin-1").strip()
    if token and not _VISIBLE.fullmatch(token):
        raise BadInput(f"the {header} header holds characters that no credential has; set it anew")
    return token
