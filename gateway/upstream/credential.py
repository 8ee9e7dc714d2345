"""The caller's credential: what is presented to the upstream unchanged, and shown nowhere else."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Credential"]

# For credentials that are given no key; new with every process.
_PROCESS_KEY: Final = secrets.token_bytes(32)
_VISIBLE = re.compile(r"[\x21-\x7e]+")
# In the order in which the upstream looks at them (upstream.md, 1).
_HEADERS: Final = (
    (b"authorization", "Authorization"),
    (b"private-token", "PRIVATE-TOKEN"),
    (b"job-token", "JOB-TOKEN"),
)


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """One header and its value, as the caller presented it.

    `fingerprint_key` (up to 64 bytes) is what its fingerprint is made with; who knows no key learns
    nothing about the credential from that.
    """

    header: str
    value: str
    fingerprint_key: bytes = field(default=_PROCESS_KEY, compare=False)
    _fingerprint: str | None = field(default=None, init=False, compare=False)

    @classmethod
    def from_headers(
        cls, headers: Iterable[tuple[bytes, bytes]], fingerprint_key: bytes = _PROCESS_KEY
    ) -> Credential | None:
        """The first of `Authorization: Bearer`, `PRIVATE-TOKEN` and `JOB-TOKEN`.

        Names are lower case, as ASGI gives them. Raises `BadInput` for a value that no header can
        carry.
        """
        found: dict[bytes, bytes] = {}
        for name, value in headers:
            if name in {b"authorization", b"private-token", b"job-token"}:
                found.setdefault(name, value)
        if not found:
            return None
        for name, header in _HEADERS:
            if name not in found:
                continue
            text = found[name].decode("latin-1").strip()
            if header == "Authorization":
                scheme, _, text = text.partition(" ")
                text = text.strip() if scheme.lower() == "bearer" else ""
            if not text:
                continue
            if not _VISIBLE.fullmatch(text):
                raise BadInput(
                    f"the {header} header holds characters that no credential has; set it anew"
                )
            presented = f"Bearer {text}" if header == "Authorization" else text
            return cls(header, presented, fingerprint_key)
        return None

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits, the same for the same credential and key."""
        if self._fingerprint is None:
            text = f"{self.header}\0{self.value}".encode()
            fingerprint = hashlib.blake2b(text, key=self.fingerprint_key, digest_size=8).hexdigest()
            # It is asked for with every call.
            object.__setattr__(self, "_fingerprint", fingerprint)
            return fingerprint
        return self._fingerprint

    def __repr__(self) -> str:
        return f"<Credential {self.header} {self.fingerprint}>"
